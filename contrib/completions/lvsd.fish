complete -c lvsd -s f -l use-file -d 'Use this configuration file' -r -F
complete -c lvsd -s S -l log-facility -d 'Log to syslog with this facility: 0-7, local0-local7, user, daemon' -r
complete -c lvsd -s u -l umask -d 'File mode creation mask, octal with a leading 0' -r
complete -c lvsd -s p -l pid -d 'File for the process id of the supervisor' -r -F
complete -c lvsd -s r -l vrrp_pid -d 'File for the process id of the VRRP process' -r -F
complete -c lvsd -s c -l checkers_pid -d 'File for the process id of the checker process' -r -F
complete -c lvsd -s b -l bfd_pid -d 'File for the process id of the BFD process' -r -F
complete -c lvsd -s s -l namespace -d 'Run in this network namespace' -r
complete -c lvsd -s i -l config-id -d 'Use the lines of the configuration that are marked @ID' -r
complete -c lvsd -s t -l config-test -d 'Check the configuration and end; findings go to standard error, or to FILE' -r -F
complete -c lvsd -l format -d 'How the findings of --config-test look' -r -f -a "text\t'For people, with the lines of the file; in colour on a terminal'
concise\t'A line for each: `file:line:column: severity[id]: text`'
json\t'One JSON object on standard output'"
complete -c lvsd -l signum -d 'Print the number of a signal: STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON' -r
complete -c lvsd -s g -l log-file -r -F
complete -c lvsd -s A -l snmp-agent-socket -r
complete -c lvsd -s M -l core-dump-pattern -r
complete -c lvsd -l perf -r
complete -c lvsd -l debug -r
complete -c lvsd -s P -l vrrp -d 'Run only VRRP'
complete -c lvsd -s C -l check -d 'Run only the health checks'
complete -c lvsd -s B -l no_bfd -d 'Run no BFD: sessions count as down'
complete -c lvsd -l all -d 'Start all processes, with or without configuration for them'
complete -c lvsd -s l -l log-console -d 'Log to standard error too'
complete -c lvsd -s D -l log-detail -d 'Log more; twice, everything'
complete -c lvsd -s G -l no-syslog -d 'Never log to syslog'
complete -c lvsd -s X -l release-vips -d 'Also remove configured addresses that somebody else has set'
complete -c lvsd -s V -l dont-release-vrrp -d 'Keep the virtual addresses at the end'
complete -c lvsd -s I -l dont-release-ipvs -d 'Keep the IPVS table at the end'
complete -c lvsd -s R -l dont-respawn -d 'End when a child process dies'
complete -c lvsd -s n -l dont-fork -d 'Stay in the foreground (always so)'
complete -c lvsd -s d -l dump-conf -d 'Log the configuration as understood'
complete -c lvsd -s a -l address-monitoring -d 'Log all changes of addresses'
complete -c lvsd -s e -l all-config -d 'An included file that cannot be read refuses the configuration'
complete -c lvsd -l strict -d 'Refuse tolerated mistakes too; with --config-test also hints'
complete -c lvsd -s T -l genhash -d 'Print the digest of a page; must be the first argument, see lvsd --genhash --help'
complete -c lvsd -s v -l version -d 'Print the version on standard error'
complete -c lvsd -l flush-log-file
complete -c lvsd -s x -l snmp
complete -c lvsd -s m -l core-dump
complete -c lvsd -l ignore-sigint
complete -c lvsd -l no-mem-check
complete -c lvsd -s L
complete -c lvsd -s O -l openssl-mem-check
complete -c lvsd -s h -l help -d 'Print help (see more with \'--help\')'
