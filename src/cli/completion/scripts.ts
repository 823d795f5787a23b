/** What shells run to complete; they know nothing and ask `tapvs completion words`. */

/**
 * bash takes VIP:PORT for three words, as COMP_WORDBREAKS has the colon; so the line is split at blanks here, and what
 * stands before the last colon is cut from the answers.
 */
const BASH = `# bash completion of tapvs, for ~/.bashrc: eval "$(tapvs completion bash)"
_tapvs() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() current stem='' word
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current=\${words[-1]}
  [[ $current == *:* && $COMP_WORDBREAKS == *:* ]] && stem=\${current%"\${current##*:}"}
  COMPREPLY=()
  while IFS= read -r word; do
    if [[ $word == :files ]]; then compopt -o default 2>/dev/null; continue; fi
    COMPREPLY+=("\${word#"$stem"}")
  done < <("\${words[0]}" completion words -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _tapvs tapvs
`

/** Lines are WORD:WHAT IT MEANS with the colons of the word escaped, as _describe wants them. */
const ZSH = `#compdef tapvs
# zsh completion of tapvs, for ~/.zshrc: eval "$(tapvs completion zsh)"
_tapvs() {
  local -a lines
  lines=("\${(@f)$("\${words[1]}" completion words --about -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${lines[1]} == :files ]]; then
    _files
    return
  fi
  lines=(\${lines:#})
  (( \${#lines} )) && _describe tapvs lines
}
if [[ \${funcstack[1]} == _tapvs ]]; then
  _tapvs "$@"
else
  compdef _tapvs tapvs
fi
`

export const SCRIPTS = { bash: BASH, zsh: ZSH } as const
