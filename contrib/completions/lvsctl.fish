# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_lvsctl_global_optspecs
    string join \n h/help V/version
end

function __fish_lvsctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_lvsctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_lvsctl_using_subcommand
    set -l cmd (__fish_lvsctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c lvsctl -n "__fish_lvsctl_needs_command" -s h -l help -d 'Print help'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -s V -l version -d 'Print version'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "check" -d 'Check configuration files, as lvsd --config-test does'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "compare" -d 'Compare the configurations of two nodes of a pair'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "fmt" -d 'Lay a configuration file out in the canonical way'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "keywords" -d 'Explain keywords of the configuration language'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "status" -d 'Tell how a daemon and all that it does is'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "events" -d 'Tell what has happened to a daemon, and what happens'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "why" -d 'Tell why a VRRP instance is in its state, and how its priority comes about'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "radar" -d 'Tell who else uses which VRID on the segments of a daemon, and what does not fit'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "record" -d 'Write what a daemon\'s flight recorder has into a file'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "replay" -d 'Replay a recording of a daemon, and tell what happened in it'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "reload" -d 'Have a daemon read its configuration again'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "simulate" -d 'Tell how an election between configuration files would go, before anybody loads them'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "genhash" -d 'Print the digest of a page for HTTP_GET and SSL_GET'
complete -c lvsctl -n "__fish_lvsctl_needs_command" -f -a "show" -d 'Show what lvsd understands'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand check" -l format -d 'How the findings are written: JSON is one object per file, each on a line of standard output' -r -f -a "text\t'For people, with the lines of the file'
concise\t'A line each'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand check" -s i -l config-id -d 'Use the lines that are marked @ID [default: the host\'s name]' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand check" -l strict -d 'Hints and deprecated spellings count, too'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand check" -l all-config -d 'An included file that cannot be read refuses the configuration'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand compare" -l format -d 'How the answer is written' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand compare" -l id-a -d 'Of the first file, use the lines that are marked @ID [default: the host\'s name]' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand compare" -l id-b -d 'Of the second file, use the lines that are marked @ID [default: the host\'s name]' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand fmt" -l check -d 'Write nothing; the exit status is 1 when a file is not in the canonical layout'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand fmt" -s w -l write -d 'Write the files instead of printing them'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand fmt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand keywords" -l format -d 'How the answer is written' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand keywords" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand status" -s s -l socket -d 'Its control socket [default: control.sock in $LVSD_RUNTIME_DIR or /run/lvsd]' -r -F
complete -c lvsctl -n "__fish_lvsctl_using_subcommand status" -l format -d 'How the answer is written' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand events" -s s -l socket -d 'Its control socket [default: control.sock in $LVSD_RUNTIME_DIR or /run/lvsd]' -r -F
complete -c lvsctl -n "__fish_lvsctl_using_subcommand events" -l format -d 'How each event is written, on a line of its own' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand events" -l after -d 'Only events after that of this number' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand events" -s f -l follow -d 'Do not end: tell what happens as it happens'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand why" -s s -l socket -d 'Its control socket [default: control.sock in $LVSD_RUNTIME_DIR or /run/lvsd]' -r -F
complete -c lvsctl -n "__fish_lvsctl_using_subcommand why" -l format -d 'How the answer is written' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand radar" -s s -l socket -d 'Its control socket [default: control.sock in $LVSD_RUNTIME_DIR or /run/lvsd]' -r -F
complete -c lvsctl -n "__fish_lvsctl_using_subcommand radar" -l format -d 'How the answer is written' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand radar" -s i -l interface -d 'Only this interface' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand radar" -l free-vrid -d 'Print only, for each interface, the least VRID that nobody was heard to use'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand radar" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand record" -s s -l socket -d 'Its control socket [default: control.sock in $LVSD_RUNTIME_DIR or /run/lvsd]' -r -F
complete -c lvsctl -n "__fish_lvsctl_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand replay" -l format -d 'How the answer is written' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand reload" -s s -l socket -d 'Its control socket [default: control.sock in $LVSD_RUNTIME_DIR or /run/lvsd]' -r -F
complete -c lvsctl -n "__fish_lvsctl_using_subcommand reload" -l format -d 'How the answer is written' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l format -d 'How the answer is written' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l kill -d 'A host loses its power, as in a@10s' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l stop -d 'A host is stopped in an orderly way' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l restore -d 'A host is started again' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l start -d 'A host is first started then, and not at once' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l pause -d 'A host stands still for a while, as in a:5s@10s' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l partition -d 'Two hosts do not hear each other any more, as in a-b@20s' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l deafen -d 'The first host does not hear the second any more' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l heal -d 'Two hosts hear each other again' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l down -d 'An interface of a host loses its carrier, as in a:eth0@10s' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l up -d 'An interface of a host has its carrier again' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l fail -d 'A tracked script of a host fails from then on, as in a:NAME@10s' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l succeed -d 'A tracked script of a host succeeds from then on' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l until -d 'When the story ends [default: 20 s after the last that happens]' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -l id -d 'Of each file in turn, use the lines that are marked @ID [default: the host\'s name]' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand simulate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s s -l server -d 'IP address of the web server' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s p -l port -d 'Its port' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s u -l url -d 'The path, as in the configuration' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s V -l use-virtualhost -d 'The Host of the request [default: the address and port]' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s P -l protocol -d 'HTTP version: 1.0, 1.0c (1.0 with Connection: close), 1.1' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s t -l timeout -d 'Seconds for the connection, and again for the answer' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s m -l fwmark -d 'Mark of the packets' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s S -l use-ssl -d 'Speak TLS, as SSL_GET does; any certificate is taken'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s I -l use-sni -d 'Send the virtual host as the server name of TLS'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s v -l verbose -d 'Also print the head, the content in hexadecimal, and the time that it took'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand genhash" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand show; and not __fish_seen_subcommand_from config" -s h -l help -d 'Print help'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand show; and not __fish_seen_subcommand_from config" -f -a "config" -d 'A configuration with every default filled in, as JSON'
complete -c lvsctl -n "__fish_lvsctl_using_subcommand show; and __fish_seen_subcommand_from config" -l format -d 'How it is written' -r -f -a "json\t'The model'"
complete -c lvsctl -n "__fish_lvsctl_using_subcommand show; and __fish_seen_subcommand_from config" -s i -l config-id -d 'Use the lines that are marked @ID [default: the host\'s name]' -r
complete -c lvsctl -n "__fish_lvsctl_using_subcommand show; and __fish_seen_subcommand_from config" -s h -l help -d 'Print help (see more with \'--help\')'
