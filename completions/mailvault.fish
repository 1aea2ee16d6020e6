# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mailvault_global_optspecs
    string join \n c/config= vault= q/quiet v/verbose json color= no-progress no-input h/help V/version
end

function __fish_mailvault_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mailvault_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mailvault_using_subcommand
    set -l cmd (__fish_mailvault_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mailvault -n "__fish_mailvault_needs_command" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_needs_command" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_needs_command" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_needs_command" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_needs_command" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_needs_command" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_needs_command" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_needs_command" -s V -l version -d 'Print version'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "pull" -d 'Fetch new mail into the vault; changes nothing on the server'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "purge" -d 'Free quota: delete archived messages on the server'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "verify" -d 'Check that every message in the vault is there and undamaged'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "search" -d 'Find messages in the vault, newest first; without a query, all'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "list" -d 'Find messages in the vault, newest first; without a query, all'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "show" -d 'Show one message'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "export" -d 'Copy mail out of the vault, for other programs'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "import" -d 'Import mail from Maildirs, mbox files, .eml files or another vault'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "stats" -d 'Show statistics by year, sender, size and folder'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "status" -d 'Show accounts, last good pulls, counts and sizes; contacts no server'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "audit" -d 'Compare the server with the vault: is everything archived?'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "account" -d 'List, rename, move, disable or remove accounts'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "hold" -d 'Keep mail from being forgotten'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "init" -d 'Set up an account interactively'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "login" -d 'Store a new password or token after it has been tested'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "doctor" -d 'Check configuration, secrets, vault and servers'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "config" -d 'Show or check the configuration file'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "demo" -d 'Try mailvault on a built-in sample server, in a temporary directory'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "man" -d 'Write the manual pages'
complete -c mailvault -n "__fish_mailvault_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l limit -d 'Fetch at most N messages per account' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l lock-wait -d 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l password-command -d 'Run CMD to get the password; needs exactly one account' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -s n -l dry-run -d 'Only show what would be fetched'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l all-folders -d 'Fetch every folder over IMAP, regardless of the settings'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l compare -d 'Download again and compare what did not arrive as listed or was recognised only by header'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l create -d 'Create the vault if it does not exist'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l purge -d 'Afterwards, apply the account\'s purge rule on the server'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l older-than -d 'Delete messages older than this, such as 90d, 6mo or 1y' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l free -d 'Free at least SIZE, such as 500M, deleting the oldest first' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l match -d 'Delete messages that match this query; see \'mailvault help search\'' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l lock-wait -d 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l largest-first -d 'With --free, delete the largest first'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l all -d 'Delete all archived messages'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -s n -l dry-run -d 'Only show what would be deleted'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -s y -l yes -d 'Do not ask'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand purge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l subset -d 'Read only part n of t' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l max-duration -d 'Stop after this long, such as 30m or 2h' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l read-data -d 'Read and compare every message, not only its name and size'
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l repair -d 'Set damaged files aside, so that the next pull fetches them again'
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -s l -l limit -d 'Show at most N messages (on a terminal 20, otherwise all)' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -l sort -d 'What comes first: the newest, the largest, or by name' -r -f -a "date\t'When it was received, the newest first'
size\t'The largest first'
from\t'The sender'
subject\t'The subject'"
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -l reverse -d 'Reverse the order'
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -s l -l limit -d 'Show at most N messages (on a terminal 20, otherwise all)' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -l sort -d 'What comes first: the newest, the largest, or by name' -r -f -a "date\t'When it was received, the newest first'
size\t'The largest first'
from\t'The sender'
subject\t'The subject'"
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -l reverse -d 'Reverse the order'
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -l save -d 'Write its attachments into this directory' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -l raw -d 'Write the exact bytes of the message to stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -l headers -d 'Show the whole header and nothing else'
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l format -d 'Format of an exported directory [default: maildir]' -r -f -a "maildir\t'A Maildir++ tree, for mutt, Dovecot and most others'
mbox\t'One mbox file per folder, for Thunderbird'
eml\t'One .eml file per message'
html\t'Pages for a browser'"
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l into -d 'Put the inbox into this folder of the server, and other folders below it' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l lock-wait -d 'For a server: wait up to this long for another mailvault to finish, such as 60s, 5m or 1h' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l crlf -d 'Keep line endings exactly as the server sent them'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l keep-uids -d 'For a Maildir: let Dovecot keep the UIDs and POP3 UIDLs of the old server'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -s n -l dry-run -d 'Only show what would be exported'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l check -d 'Only show what the server will or may refuse, and why'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l again -d 'Also upload messages that were uploaded before and are no longer there'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l gone -d 'Also export messages that are no longer on their IMAP server'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l account -d 'Store the mail under this account; not needed if the source is a vault' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l into -d 'Put the source\'s inbox into this folder, and other folders below it' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l lock-wait -d 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l mboxo -d 'In mbox files, unquote only lines that begin with \'>From \''
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l no-labels -d 'Ignore Google Takeout labels instead of making them folders and flags'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l read-all -d 'Read files again that have not changed since the last import, too'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -s n -l dry-run -d 'Only show how much would be new'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l create -d 'Create the vault if it does not exist'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l new-account -d 'Create the account although its name is close to that of another'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -l by -d 'What to group by, separated by commas' -r -f -a "year\t'The year in which it was received'
sender\t'The sender\'s address'
size\t'The size of a message'
folder\t'The folder'"
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -l top -d 'Show N rows of each' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -l html -d 'Also write a page for a browser to this file' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -l max-age -d 'Exit with 19 if the last good pull is older than this, such as 2d' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -l metrics -d 'Also write the numbers to this file for Prometheus' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l fresh -d 'Skip headers that were compared within this time [default: 24h]' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l manifest -d 'Write a JSON line for each message on the server to this file' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l inbox -d 'Look at the inbox only; never reports that you may leave'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l quick -d 'Compare server IDs and sizes only; never reports that you may leave'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l read-data -d 'Download every message again and compare its bytes'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l accept-sizes -d 'Accept messages whose size differed from the listing both times they arrived'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -f -a "list" -d 'List the accounts of the configuration and of the vault; contacts no server'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -f -a "rename" -d 'Give an account another name'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -f -a "move" -d 'Pull an account whose server or user name changed, but not its mail'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -f -a "disable" -d 'Leave an account out when \'mailvault pull\' names none'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -f -a "enable" -d 'Pull an account again that was disabled'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -f -a "remove" -d 'Remove an account from the configuration; the vault keeps its mail'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and not __fish_seen_subcommand_from list rename move disable enable remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -l from -d 'The user and host that it had before' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from move" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -s y -l yes -d 'Do not ask'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the accounts of the configuration and of the vault; contacts no server'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "rename" -d 'Give an account another name'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "move" -d 'Pull an account whose server or user name changed, but not its mail'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Leave an account out when \'mailvault pull\' names none'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Pull an account again that was disabled'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove an account from the configuration; the vault keeps its mail'
complete -c mailvault -n "__fish_mailvault_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -f -a "add" -d 'Add a hold'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -f -a "list" -d 'List the holds, and how many messages each covers now'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -f -a "release" -d 'End a hold'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and not __fish_seen_subcommand_from add list release help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -l reason -d 'Why, for whoever reads it in some years' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -l lock-wait -d 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -l reason -d 'Why' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -l lock-wait -d 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a hold'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the holds, and how many messages each covers now'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from help" -f -a "release" -d 'End a hold'
complete -c mailvault -n "__fish_mailvault_using_subcommand hold; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l host -d 'The server' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l port -d 'The port, if it is not the usual one' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l tls -d 'How the connection is protected' -r -f -a "tls\t'Encrypted from the first byte'
starttls\t'Starts unencrypted, then requires TLS'
none\t'Unencrypted; this machine only'"
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l tls-ca-file -d 'Trust this CA certificate (PEM)' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l tls-pin-sha256 -d 'Trust only the certificate with this fingerprint' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l user -d 'The user name, if it is not the address' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l password-file -d 'The password is the first line of this file, which only you can read' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l password-command -d 'This command prints the password' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l token-command -d 'This command prints an OAuth access token' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l oauth -d 'Sign in with OAuth; sets a key of the account\'s oauth table, such as client_id=ID' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l name -d 'A short name for the account' -r
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l pop3 -d 'Fetch the inbox over POP3'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l imap -d 'Fetch all folders over IMAP'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l print -d 'Only print the configuration; do not sign in or write anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -l stdin -d 'Take the first line of standard input instead of asking'
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -l browser -d 'Sign in with a browser on this machine, even if a code would do'
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -l offline -d 'Contact no server'
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -f -a "path" -d 'Print where the configuration is, or would be'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -f -a "check" -d 'Check the configuration; errors name line and column'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -f -a "show" -d 'Print all effective settings; secrets are hidden'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and not __fish_seen_subcommand_from path check show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "path" -d 'Print where the configuration is, or would be'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check the configuration; errors name line and column'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print all effective settings; secrets are hidden'
complete -c mailvault -n "__fish_mailvault_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -l keep -d 'Use this new directory, and leave it there' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -l serve -d 'Only run the sample server, until Ctrl-C'
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -l out -d 'An existing directory for them' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -s c -l config -d 'Read this configuration file [env: MAILVAULT_CONFIG]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -l vault -d 'Use the vault in this directory [env: MAILVAULT_VAULT]' -r -F
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t''
never\t''"
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -s q -l quiet -d 'Print only warnings and errors'
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -s v -l verbose -d 'Print more; -vv prints the dialogue with the server, without secrets'
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -l json -d 'Print only JSON lines on stdout'
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -l no-progress -d 'Do not show progress'
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -l no-input -d 'Never ask for anything'
complete -c mailvault -n "__fish_mailvault_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "pull" -d 'Fetch new mail into the vault; changes nothing on the server'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "purge" -d 'Free quota: delete archived messages on the server'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "verify" -d 'Check that every message in the vault is there and undamaged'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "search" -d 'Find messages in the vault, newest first; without a query, all'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "show" -d 'Show one message'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "export" -d 'Copy mail out of the vault, for other programs'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "import" -d 'Import mail from Maildirs, mbox files, .eml files or another vault'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "stats" -d 'Show statistics by year, sender, size and folder'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "status" -d 'Show accounts, last good pulls, counts and sizes; contacts no server'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "audit" -d 'Compare the server with the vault: is everything archived?'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "account" -d 'List, rename, move, disable or remove accounts'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "hold" -d 'Keep mail from being forgotten'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "init" -d 'Set up an account interactively'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "login" -d 'Store a new password or token after it has been tested'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "doctor" -d 'Check configuration, secrets, vault and servers'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "config" -d 'Show or check the configuration file'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "demo" -d 'Try mailvault on a built-in sample server, in a temporary directory'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "man" -d 'Write the manual pages'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and not __fish_seen_subcommand_from pull purge verify search show export import stats status audit account hold init login doctor config demo completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "list" -d 'List the accounts of the configuration and of the vault; contacts no server'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "rename" -d 'Give an account another name'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "move" -d 'Pull an account whose server or user name changed, but not its mail'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "disable" -d 'Leave an account out when \'mailvault pull\' names none'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "enable" -d 'Pull an account again that was disabled'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "remove" -d 'Remove an account from the configuration; the vault keeps its mail'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from hold" -f -a "add" -d 'Add a hold'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from hold" -f -a "list" -d 'List the holds, and how many messages each covers now'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from hold" -f -a "release" -d 'End a hold'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "path" -d 'Print where the configuration is, or would be'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Check the configuration; errors name line and column'
complete -c mailvault -n "__fish_mailvault_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Print all effective settings; secrets are hidden'
