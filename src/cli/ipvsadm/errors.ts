/** What the daemon says of objects that are there or are not, in ipvsadm's words: scripts look for them. */

const WORDS: readonly (readonly [said: RegExp, words: string])[] = [
  [/^service (.+) exists already$/, 'Service already exists: $1'],
  [/^no service (.+)$/, 'No such service: $1'],
  [/^real server (.+) exists already in (.+)$/, 'Destination already exists: $1 in $2'],
  [/^no real server (.+) in (.+)$/, 'No such destination: $1 in $2'],
]

export function inTheirWords(message: string): string {
  for (const [said, words] of WORDS) if (said.test(message)) return message.replace(said, words)
  return message
}
