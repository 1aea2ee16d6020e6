
use builtin;
use str;

set edit:completion:arg-completer[mailvault] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'mailvault'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'mailvault'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand pull 'Fetch new mail into the vault; changes nothing on the server'
            cand purge 'Free quota: delete archived messages on the server'
            cand verify 'Check that every message in the vault is there and undamaged'
            cand search 'Find messages in the vault, newest first; without a query, all'
            cand list 'Find messages in the vault, newest first; without a query, all'
            cand show 'Show one message'
            cand export 'Copy mail out of the vault, for other programs'
            cand import 'Import mail from Maildirs, mbox files, .eml files or another vault'
            cand stats 'Show statistics by year, sender, size and folder'
            cand status 'Show accounts, last good pulls, counts and sizes; contacts no server'
            cand audit 'Compare the server with the vault: is everything archived?'
            cand account 'List, rename, move, disable or remove accounts'
            cand hold 'Keep mail from being forgotten'
            cand init 'Set up an account interactively'
            cand login 'Store a new password or token after it has been tested'
            cand doctor 'Check configuration, secrets, vault and servers'
            cand config 'Show or check the configuration file'
            cand demo 'Try mailvault on a built-in sample server, in a temporary directory'
            cand completions 'Print a completion script for a shell'
            cand man 'Write the manual pages'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mailvault;pull'= {
            cand --limit 'Fetch at most N messages per account'
            cand --lock-wait 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h'
            cand --password-command 'Run CMD to get the password; needs exactly one account'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -n 'Only show what would be fetched'
            cand --dry-run 'Only show what would be fetched'
            cand --all-folders 'Fetch every folder over IMAP, regardless of the settings'
            cand --compare 'Download again and compare what did not arrive as listed or was recognised only by header'
            cand --create 'Create the vault if it does not exist'
            cand --purge 'Afterwards, apply the account''s purge rule on the server'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;purge'= {
            cand --older-than 'Delete messages older than this, such as 90d, 6mo or 1y'
            cand --free 'Free at least SIZE, such as 500M, deleting the oldest first'
            cand --match 'Delete messages that match this query; see ''mailvault help search'''
            cand --lock-wait 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --largest-first 'With --free, delete the largest first'
            cand --all 'Delete all archived messages'
            cand -n 'Only show what would be deleted'
            cand --dry-run 'Only show what would be deleted'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;verify'= {
            cand --subset 'Read only part n of t'
            cand --max-duration 'Stop after this long, such as 30m or 2h'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --read-data 'Read and compare every message, not only its name and size'
            cand --repair 'Set damaged files aside, so that the next pull fetches them again'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;search'= {
            cand -l 'Show at most N messages (on a terminal 20, otherwise all)'
            cand --limit 'Show at most N messages (on a terminal 20, otherwise all)'
            cand --sort 'What comes first: the newest, the largest, or by name'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --reverse 'Reverse the order'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;list'= {
            cand -l 'Show at most N messages (on a terminal 20, otherwise all)'
            cand --limit 'Show at most N messages (on a terminal 20, otherwise all)'
            cand --sort 'What comes first: the newest, the largest, or by name'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --reverse 'Reverse the order'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;show'= {
            cand --save 'Write its attachments into this directory'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --raw 'Write the exact bytes of the message to stdout'
            cand --headers 'Show the whole header and nothing else'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;export'= {
            cand --format 'Format of an exported directory [default: maildir]'
            cand --into 'Put the inbox into this folder of the server, and other folders below it'
            cand --lock-wait 'For a server: wait up to this long for another mailvault to finish, such as 60s, 5m or 1h'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --crlf 'Keep line endings exactly as the server sent them'
            cand --keep-uids 'For a Maildir: let Dovecot keep the UIDs and POP3 UIDLs of the old server'
            cand -n 'Only show what would be exported'
            cand --dry-run 'Only show what would be exported'
            cand --check 'Only show what the server will or may refuse, and why'
            cand --again 'Also upload messages that were uploaded before and are no longer there'
            cand --gone 'Also export messages that are no longer on their IMAP server'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;import'= {
            cand --account 'Store the mail under this account; not needed if the source is a vault'
            cand --into 'Put the source''s inbox into this folder, and other folders below it'
            cand --lock-wait 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --mboxo 'In mbox files, unquote only lines that begin with ''>From '''
            cand --no-labels 'Ignore Google Takeout labels instead of making them folders and flags'
            cand --read-all 'Read files again that have not changed since the last import, too'
            cand -n 'Only show how much would be new'
            cand --dry-run 'Only show how much would be new'
            cand --create 'Create the vault if it does not exist'
            cand --new-account 'Create the account although its name is close to that of another'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;stats'= {
            cand --by 'What to group by, separated by commas'
            cand --top 'Show N rows of each'
            cand --html 'Also write a page for a browser to this file'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;status'= {
            cand --max-age 'Exit with 19 if the last good pull is older than this, such as 2d'
            cand --metrics 'Also write the numbers to this file for Prometheus'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;audit'= {
            cand --fresh 'Skip headers that were compared within this time [default: 24h]'
            cand --manifest 'Write a JSON line for each message on the server to this file'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --inbox 'Look at the inbox only; never reports that you may leave'
            cand --quick 'Compare server IDs and sizes only; never reports that you may leave'
            cand --read-data 'Download every message again and compare its bytes'
            cand --accept-sizes 'Accept messages whose size differed from the listing both times they arrived'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;account'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand list 'List the accounts of the configuration and of the vault; contacts no server'
            cand rename 'Give an account another name'
            cand move 'Pull an account whose server or user name changed, but not its mail'
            cand disable 'Leave an account out when ''mailvault pull'' names none'
            cand enable 'Pull an account again that was disabled'
            cand remove 'Remove an account from the configuration; the vault keeps its mail'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mailvault;account;list'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;account;rename'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;account;move'= {
            cand --from 'The user and host that it had before'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;account;disable'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;account;enable'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;account;remove'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;account;help'= {
            cand list 'List the accounts of the configuration and of the vault; contacts no server'
            cand rename 'Give an account another name'
            cand move 'Pull an account whose server or user name changed, but not its mail'
            cand disable 'Leave an account out when ''mailvault pull'' names none'
            cand enable 'Pull an account again that was disabled'
            cand remove 'Remove an account from the configuration; the vault keeps its mail'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mailvault;account;help;list'= {
        }
        &'mailvault;account;help;rename'= {
        }
        &'mailvault;account;help;move'= {
        }
        &'mailvault;account;help;disable'= {
        }
        &'mailvault;account;help;enable'= {
        }
        &'mailvault;account;help;remove'= {
        }
        &'mailvault;account;help;help'= {
        }
        &'mailvault;hold'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand add 'Add a hold'
            cand list 'List the holds, and how many messages each covers now'
            cand release 'End a hold'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mailvault;hold;add'= {
            cand --reason 'Why, for whoever reads it in some years'
            cand --lock-wait 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;hold;list'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;hold;release'= {
            cand --reason 'Why'
            cand --lock-wait 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;hold;help'= {
            cand add 'Add a hold'
            cand list 'List the holds, and how many messages each covers now'
            cand release 'End a hold'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mailvault;hold;help;add'= {
        }
        &'mailvault;hold;help;list'= {
        }
        &'mailvault;hold;help;release'= {
        }
        &'mailvault;hold;help;help'= {
        }
        &'mailvault;init'= {
            cand --host 'The server'
            cand --port 'The port, if it is not the usual one'
            cand --tls 'How the connection is protected'
            cand --tls-ca-file 'Trust this CA certificate (PEM)'
            cand --tls-pin-sha256 'Trust only the certificate with this fingerprint'
            cand --user 'The user name, if it is not the address'
            cand --password-file 'The password is the first line of this file, which only you can read'
            cand --password-command 'This command prints the password'
            cand --token-command 'This command prints an OAuth access token'
            cand --oauth 'Sign in with OAuth; sets a key of the account''s oauth table, such as client_id=ID'
            cand --name 'A short name for the account'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --pop3 'Fetch the inbox over POP3'
            cand --imap 'Fetch all folders over IMAP'
            cand --print 'Only print the configuration; do not sign in or write anything'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;login'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --stdin 'Take the first line of standard input instead of asking'
            cand --browser 'Sign in with a browser on this machine, even if a code would do'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;doctor'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --offline 'Contact no server'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;config'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand path 'Print where the configuration is, or would be'
            cand check 'Check the configuration; errors name line and column'
            cand show 'Print all effective settings; secrets are hidden'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mailvault;config;path'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;config;check'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;config;show'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;config;help'= {
            cand path 'Print where the configuration is, or would be'
            cand check 'Check the configuration; errors name line and column'
            cand show 'Print all effective settings; secrets are hidden'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mailvault;config;help;path'= {
        }
        &'mailvault;config;help;check'= {
        }
        &'mailvault;config;help;show'= {
        }
        &'mailvault;config;help;help'= {
        }
        &'mailvault;demo'= {
            cand --keep 'Use this new directory, and leave it there'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand --serve 'Only run the sample server, until Ctrl-C'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;completions'= {
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;man'= {
            cand --out 'An existing directory for them'
            cand -c 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --config 'Read this configuration file [env: MAILVAULT_CONFIG]'
            cand --vault 'Use the vault in this directory [env: MAILVAULT_VAULT]'
            cand --color 'When to use colour'
            cand -q 'Print only warnings and errors'
            cand --quiet 'Print only warnings and errors'
            cand -v 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --verbose 'Print more; -vv prints the dialogue with the server, without secrets'
            cand --json 'Print only JSON lines on stdout'
            cand --no-progress 'Do not show progress'
            cand --no-input 'Never ask for anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mailvault;help'= {
            cand pull 'Fetch new mail into the vault; changes nothing on the server'
            cand purge 'Free quota: delete archived messages on the server'
            cand verify 'Check that every message in the vault is there and undamaged'
            cand search 'Find messages in the vault, newest first; without a query, all'
            cand show 'Show one message'
            cand export 'Copy mail out of the vault, for other programs'
            cand import 'Import mail from Maildirs, mbox files, .eml files or another vault'
            cand stats 'Show statistics by year, sender, size and folder'
            cand status 'Show accounts, last good pulls, counts and sizes; contacts no server'
            cand audit 'Compare the server with the vault: is everything archived?'
            cand account 'List, rename, move, disable or remove accounts'
            cand hold 'Keep mail from being forgotten'
            cand init 'Set up an account interactively'
            cand login 'Store a new password or token after it has been tested'
            cand doctor 'Check configuration, secrets, vault and servers'
            cand config 'Show or check the configuration file'
            cand demo 'Try mailvault on a built-in sample server, in a temporary directory'
            cand completions 'Print a completion script for a shell'
            cand man 'Write the manual pages'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mailvault;help;pull'= {
        }
        &'mailvault;help;purge'= {
        }
        &'mailvault;help;verify'= {
        }
        &'mailvault;help;search'= {
        }
        &'mailvault;help;show'= {
        }
        &'mailvault;help;export'= {
        }
        &'mailvault;help;import'= {
        }
        &'mailvault;help;stats'= {
        }
        &'mailvault;help;status'= {
        }
        &'mailvault;help;audit'= {
        }
        &'mailvault;help;account'= {
            cand list 'List the accounts of the configuration and of the vault; contacts no server'
            cand rename 'Give an account another name'
            cand move 'Pull an account whose server or user name changed, but not its mail'
            cand disable 'Leave an account out when ''mailvault pull'' names none'
            cand enable 'Pull an account again that was disabled'
            cand remove 'Remove an account from the configuration; the vault keeps its mail'
        }
        &'mailvault;help;account;list'= {
        }
        &'mailvault;help;account;rename'= {
        }
        &'mailvault;help;account;move'= {
        }
        &'mailvault;help;account;disable'= {
        }
        &'mailvault;help;account;enable'= {
        }
        &'mailvault;help;account;remove'= {
        }
        &'mailvault;help;hold'= {
            cand add 'Add a hold'
            cand list 'List the holds, and how many messages each covers now'
            cand release 'End a hold'
        }
        &'mailvault;help;hold;add'= {
        }
        &'mailvault;help;hold;list'= {
        }
        &'mailvault;help;hold;release'= {
        }
        &'mailvault;help;init'= {
        }
        &'mailvault;help;login'= {
        }
        &'mailvault;help;doctor'= {
        }
        &'mailvault;help;config'= {
            cand path 'Print where the configuration is, or would be'
            cand check 'Check the configuration; errors name line and column'
            cand show 'Print all effective settings; secrets are hidden'
        }
        &'mailvault;help;config;path'= {
        }
        &'mailvault;help;config;check'= {
        }
        &'mailvault;help;config;show'= {
        }
        &'mailvault;help;demo'= {
        }
        &'mailvault;help;completions'= {
        }
        &'mailvault;help;man'= {
        }
        &'mailvault;help;help'= {
        }
    ]
    $completions[$command]
}
