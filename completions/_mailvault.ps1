
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mailvault' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mailvault'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'mailvault' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('pull', 'pull', [CompletionResultType]::ParameterValue, 'Fetch new mail into the vault; changes nothing on the server')
            [CompletionResult]::new('purge', 'purge', [CompletionResultType]::ParameterValue, 'Free quota: delete archived messages on the server')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that every message in the vault is there and undamaged')
            [CompletionResult]::new('search', 'search', [CompletionResultType]::ParameterValue, 'Find messages in the vault, newest first; without a query, all')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Find messages in the vault, newest first; without a query, all')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one message')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Copy mail out of the vault, for other programs')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Import mail from Maildirs, mbox files, .eml files or another vault')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Show statistics by year, sender, size and folder')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show accounts, last good pulls, counts and sizes; contacts no server')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'Compare the server with the vault: is everything archived?')
            [CompletionResult]::new('account', 'account', [CompletionResultType]::ParameterValue, 'List, rename, move, disable or remove accounts')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Keep mail from being forgotten')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Set up an account interactively')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Store a new password or token after it has been tested')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check configuration, secrets, vault and servers')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Show or check the configuration file')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Try mailvault on a built-in sample server, in a temporary directory')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the manual pages')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mailvault;pull' {
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Fetch at most N messages per account')
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Run CMD to get the password; needs exactly one account')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only show what would be fetched')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show what would be fetched')
            [CompletionResult]::new('--all-folders', '--all-folders', [CompletionResultType]::ParameterName, 'Fetch every folder over IMAP, regardless of the settings')
            [CompletionResult]::new('--compare', '--compare', [CompletionResultType]::ParameterName, 'Download again and compare what did not arrive as listed or was recognised only by header')
            [CompletionResult]::new('--create', '--create', [CompletionResultType]::ParameterName, 'Create the vault if it does not exist')
            [CompletionResult]::new('--purge', '--purge', [CompletionResultType]::ParameterName, 'Afterwards, apply the account''s purge rule on the server')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;purge' {
            [CompletionResult]::new('--older-than', '--older-than', [CompletionResultType]::ParameterName, 'Delete messages older than this, such as 90d, 6mo or 1y')
            [CompletionResult]::new('--free', '--free', [CompletionResultType]::ParameterName, 'Free at least SIZE, such as 500M, deleting the oldest first')
            [CompletionResult]::new('--match', '--match', [CompletionResultType]::ParameterName, 'Delete messages that match this query; see ''mailvault help search''')
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--largest-first', '--largest-first', [CompletionResultType]::ParameterName, 'With --free, delete the largest first')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Delete all archived messages')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only show what would be deleted')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show what would be deleted')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;verify' {
            [CompletionResult]::new('--subset', '--subset', [CompletionResultType]::ParameterName, 'Read only part n of t')
            [CompletionResult]::new('--max-duration', '--max-duration', [CompletionResultType]::ParameterName, 'Stop after this long, such as 30m or 2h')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--read-data', '--read-data', [CompletionResultType]::ParameterName, 'Read and compare every message, not only its name and size')
            [CompletionResult]::new('--repair', '--repair', [CompletionResultType]::ParameterName, 'Set damaged files aside, so that the next pull fetches them again')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;search' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Show at most N messages (on a terminal 20, otherwise all)')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Show at most N messages (on a terminal 20, otherwise all)')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'What comes first: the newest, the largest, or by name')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--reverse', '--reverse', [CompletionResultType]::ParameterName, 'Reverse the order')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;list' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Show at most N messages (on a terminal 20, otherwise all)')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Show at most N messages (on a terminal 20, otherwise all)')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'What comes first: the newest, the largest, or by name')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--reverse', '--reverse', [CompletionResultType]::ParameterName, 'Reverse the order')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;show' {
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, 'Write its attachments into this directory')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Write the exact bytes of the message to stdout')
            [CompletionResult]::new('--headers', '--headers', [CompletionResultType]::ParameterName, 'Show the whole header and nothing else')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;export' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Format of an exported directory [default: maildir]')
            [CompletionResult]::new('--into', '--into', [CompletionResultType]::ParameterName, 'Put the inbox into this folder of the server, and other folders below it')
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'For a server: wait up to this long for another mailvault to finish, such as 60s, 5m or 1h')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--crlf', '--crlf', [CompletionResultType]::ParameterName, 'Keep line endings exactly as the server sent them')
            [CompletionResult]::new('--keep-uids', '--keep-uids', [CompletionResultType]::ParameterName, 'For a Maildir: let Dovecot keep the UIDs and POP3 UIDLs of the old server')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only show what would be exported')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show what would be exported')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Only show what the server will or may refuse, and why')
            [CompletionResult]::new('--again', '--again', [CompletionResultType]::ParameterName, 'Also upload messages that were uploaded before and are no longer there')
            [CompletionResult]::new('--gone', '--gone', [CompletionResultType]::ParameterName, 'Also export messages that are no longer on their IMAP server')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;import' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Store the mail under this account; not needed if the source is a vault')
            [CompletionResult]::new('--into', '--into', [CompletionResultType]::ParameterName, 'Put the source''s inbox into this folder, and other folders below it')
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--mboxo', '--mboxo', [CompletionResultType]::ParameterName, 'In mbox files, unquote only lines that begin with ''>From ''')
            [CompletionResult]::new('--no-labels', '--no-labels', [CompletionResultType]::ParameterName, 'Ignore Google Takeout labels instead of making them folders and flags')
            [CompletionResult]::new('--read-all', '--read-all', [CompletionResultType]::ParameterName, 'Read files again that have not changed since the last import, too')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only show how much would be new')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show how much would be new')
            [CompletionResult]::new('--create', '--create', [CompletionResultType]::ParameterName, 'Create the vault if it does not exist')
            [CompletionResult]::new('--new-account', '--new-account', [CompletionResultType]::ParameterName, 'Create the account although its name is close to that of another')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;stats' {
            [CompletionResult]::new('--by', '--by', [CompletionResultType]::ParameterName, 'What to group by, separated by commas')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'Show N rows of each')
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Also write a page for a browser to this file')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;status' {
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Exit with 19 if the last good pull is older than this, such as 2d')
            [CompletionResult]::new('--metrics', '--metrics', [CompletionResultType]::ParameterName, 'Also write the numbers to this file for Prometheus')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;audit' {
            [CompletionResult]::new('--fresh', '--fresh', [CompletionResultType]::ParameterName, 'Skip headers that were compared within this time [default: 24h]')
            [CompletionResult]::new('--manifest', '--manifest', [CompletionResultType]::ParameterName, 'Write a JSON line for each message on the server to this file')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--inbox', '--inbox', [CompletionResultType]::ParameterName, 'Look at the inbox only; never reports that you may leave')
            [CompletionResult]::new('--quick', '--quick', [CompletionResultType]::ParameterName, 'Compare server IDs and sizes only; never reports that you may leave')
            [CompletionResult]::new('--read-data', '--read-data', [CompletionResultType]::ParameterName, 'Download every message again and compare its bytes')
            [CompletionResult]::new('--accept-sizes', '--accept-sizes', [CompletionResultType]::ParameterName, 'Accept messages whose size differed from the listing both times they arrived')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;account' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the accounts of the configuration and of the vault; contacts no server')
            [CompletionResult]::new('rename', 'rename', [CompletionResultType]::ParameterValue, 'Give an account another name')
            [CompletionResult]::new('move', 'move', [CompletionResultType]::ParameterValue, 'Pull an account whose server or user name changed, but not its mail')
            [CompletionResult]::new('disable', 'disable', [CompletionResultType]::ParameterValue, 'Leave an account out when ''mailvault pull'' names none')
            [CompletionResult]::new('enable', 'enable', [CompletionResultType]::ParameterValue, 'Pull an account again that was disabled')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove an account from the configuration; the vault keeps its mail')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mailvault;account;list' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;account;rename' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;account;move' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'The user and host that it had before')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;account;disable' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;account;enable' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;account;remove' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;account;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the accounts of the configuration and of the vault; contacts no server')
            [CompletionResult]::new('rename', 'rename', [CompletionResultType]::ParameterValue, 'Give an account another name')
            [CompletionResult]::new('move', 'move', [CompletionResultType]::ParameterValue, 'Pull an account whose server or user name changed, but not its mail')
            [CompletionResult]::new('disable', 'disable', [CompletionResultType]::ParameterValue, 'Leave an account out when ''mailvault pull'' names none')
            [CompletionResult]::new('enable', 'enable', [CompletionResultType]::ParameterValue, 'Pull an account again that was disabled')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove an account from the configuration; the vault keeps its mail')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mailvault;account;help;list' {
            break
        }
        'mailvault;account;help;rename' {
            break
        }
        'mailvault;account;help;move' {
            break
        }
        'mailvault;account;help;disable' {
            break
        }
        'mailvault;account;help;enable' {
            break
        }
        'mailvault;account;help;remove' {
            break
        }
        'mailvault;account;help;help' {
            break
        }
        'mailvault;hold' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Add a hold')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the holds, and how many messages each covers now')
            [CompletionResult]::new('release', 'release', [CompletionResultType]::ParameterValue, 'End a hold')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mailvault;hold;add' {
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever reads it in some years')
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;hold;list' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;hold;release' {
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why')
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;hold;help' {
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Add a hold')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the holds, and how many messages each covers now')
            [CompletionResult]::new('release', 'release', [CompletionResultType]::ParameterValue, 'End a hold')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mailvault;hold;help;add' {
            break
        }
        'mailvault;hold;help;list' {
            break
        }
        'mailvault;hold;help;release' {
            break
        }
        'mailvault;hold;help;help' {
            break
        }
        'mailvault;init' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The port, if it is not the usual one')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'How the connection is protected')
            [CompletionResult]::new('--tls-ca-file', '--tls-ca-file', [CompletionResultType]::ParameterName, 'Trust this CA certificate (PEM)')
            [CompletionResult]::new('--tls-pin-sha256', '--tls-pin-sha256', [CompletionResultType]::ParameterName, 'Trust only the certificate with this fingerprint')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user name, if it is not the address')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'The password is the first line of this file, which only you can read')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'This command prints the password')
            [CompletionResult]::new('--token-command', '--token-command', [CompletionResultType]::ParameterName, 'This command prints an OAuth access token')
            [CompletionResult]::new('--oauth', '--oauth', [CompletionResultType]::ParameterName, 'Sign in with OAuth; sets a key of the account''s oauth table, such as client_id=ID')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'A short name for the account')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--pop3', '--pop3', [CompletionResultType]::ParameterName, 'Fetch the inbox over POP3')
            [CompletionResult]::new('--imap', '--imap', [CompletionResultType]::ParameterName, 'Fetch all folders over IMAP')
            [CompletionResult]::new('--print', '--print', [CompletionResultType]::ParameterName, 'Only print the configuration; do not sign in or write anything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;login' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--stdin', '--stdin', [CompletionResultType]::ParameterName, 'Take the first line of standard input instead of asking')
            [CompletionResult]::new('--browser', '--browser', [CompletionResultType]::ParameterName, 'Sign in with a browser on this machine, even if a code would do')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;doctor' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Contact no server')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;config' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the configuration is, or would be')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the configuration; errors name line and column')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print all effective settings; secrets are hidden')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mailvault;config;path' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;config;check' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;config;show' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;config;help' {
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the configuration is, or would be')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the configuration; errors name line and column')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print all effective settings; secrets are hidden')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mailvault;config;help;path' {
            break
        }
        'mailvault;config;help;check' {
            break
        }
        'mailvault;config;help;show' {
            break
        }
        'mailvault;config;help;help' {
            break
        }
        'mailvault;demo' {
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Use this new directory, and leave it there')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--serve', '--serve', [CompletionResultType]::ParameterName, 'Only run the sample server, until Ctrl-C')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;completions' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;man' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'An existing directory for them')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file [env: MAILVAULT_CONFIG]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'Use the vault in this directory [env: MAILVAULT_VAULT]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more; -vv prints the dialogue with the server, without secrets')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print only JSON lines on stdout')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Do not show progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask for anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mailvault;help' {
            [CompletionResult]::new('pull', 'pull', [CompletionResultType]::ParameterValue, 'Fetch new mail into the vault; changes nothing on the server')
            [CompletionResult]::new('purge', 'purge', [CompletionResultType]::ParameterValue, 'Free quota: delete archived messages on the server')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that every message in the vault is there and undamaged')
            [CompletionResult]::new('search', 'search', [CompletionResultType]::ParameterValue, 'Find messages in the vault, newest first; without a query, all')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one message')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Copy mail out of the vault, for other programs')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Import mail from Maildirs, mbox files, .eml files or another vault')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Show statistics by year, sender, size and folder')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show accounts, last good pulls, counts and sizes; contacts no server')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'Compare the server with the vault: is everything archived?')
            [CompletionResult]::new('account', 'account', [CompletionResultType]::ParameterValue, 'List, rename, move, disable or remove accounts')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Keep mail from being forgotten')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Set up an account interactively')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Store a new password or token after it has been tested')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check configuration, secrets, vault and servers')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Show or check the configuration file')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Try mailvault on a built-in sample server, in a temporary directory')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the manual pages')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mailvault;help;pull' {
            break
        }
        'mailvault;help;purge' {
            break
        }
        'mailvault;help;verify' {
            break
        }
        'mailvault;help;search' {
            break
        }
        'mailvault;help;show' {
            break
        }
        'mailvault;help;export' {
            break
        }
        'mailvault;help;import' {
            break
        }
        'mailvault;help;stats' {
            break
        }
        'mailvault;help;status' {
            break
        }
        'mailvault;help;audit' {
            break
        }
        'mailvault;help;account' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the accounts of the configuration and of the vault; contacts no server')
            [CompletionResult]::new('rename', 'rename', [CompletionResultType]::ParameterValue, 'Give an account another name')
            [CompletionResult]::new('move', 'move', [CompletionResultType]::ParameterValue, 'Pull an account whose server or user name changed, but not its mail')
            [CompletionResult]::new('disable', 'disable', [CompletionResultType]::ParameterValue, 'Leave an account out when ''mailvault pull'' names none')
            [CompletionResult]::new('enable', 'enable', [CompletionResultType]::ParameterValue, 'Pull an account again that was disabled')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove an account from the configuration; the vault keeps its mail')
            break
        }
        'mailvault;help;account;list' {
            break
        }
        'mailvault;help;account;rename' {
            break
        }
        'mailvault;help;account;move' {
            break
        }
        'mailvault;help;account;disable' {
            break
        }
        'mailvault;help;account;enable' {
            break
        }
        'mailvault;help;account;remove' {
            break
        }
        'mailvault;help;hold' {
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Add a hold')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the holds, and how many messages each covers now')
            [CompletionResult]::new('release', 'release', [CompletionResultType]::ParameterValue, 'End a hold')
            break
        }
        'mailvault;help;hold;add' {
            break
        }
        'mailvault;help;hold;list' {
            break
        }
        'mailvault;help;hold;release' {
            break
        }
        'mailvault;help;init' {
            break
        }
        'mailvault;help;login' {
            break
        }
        'mailvault;help;doctor' {
            break
        }
        'mailvault;help;config' {
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the configuration is, or would be')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the configuration; errors name line and column')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print all effective settings; secrets are hidden')
            break
        }
        'mailvault;help;config;path' {
            break
        }
        'mailvault;help;config;check' {
            break
        }
        'mailvault;help;config;show' {
            break
        }
        'mailvault;help;demo' {
            break
        }
        'mailvault;help;completions' {
            break
        }
        'mailvault;help;man' {
            break
        }
        'mailvault;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
