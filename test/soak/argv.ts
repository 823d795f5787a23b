/** How nginx and dnsmasq are started for a soak: from a folder of ours, one process each, so that its end is the end of it. */

/** `servers`: blocks of the config's `http`. => the text of a config */
export function nginxConfig(folder: string, servers: readonly string[], more = ''): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000; keepalive_timeout 600s;
  ${paths.map(name => `${name}_temp_path ${folder}/${name};`).join(' ')}
  ${more}
  ${servers.join('\n  ')}
}
`
}

export function nginxArgv(folder: string, config: string): string[] {
  return ['nginx', '-e', 'stderr', '-p', folder, '-c', config]
}

/** `names`: the address of each. */
export function dnsmasqArgv(address: string, names: Readonly<Record<string, string>>): string[] {
  const own = ['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root']
  const none = ['--no-resolv', '--no-hosts', '--bind-interfaces', '--except-interface=lo']
  const answers = Object.entries(names).map(([name, answer]) => `--address=/${name}/${answer}`)
  return ['dnsmasq', ...own, ...none, `--listen-address=${address}`, ...answers]
}
