# Completion of mailvault for bash.

_mailvault() {
    local IFS=$'\n' line=$COMP_LINE current='' before='' word reply i
    local -a words=()
    # bash ends a word at a colon; in a query and in imap:ACCOUNT it is part of the word.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $line == [[:blank:]]* ]]; then
            line=${line#"${line%%[![:blank:]]*}"}
            words+=("$word")
        else
            words[${#words[@]}-1]+=$word
        fi
        line=${line#"$word"}
    done
    # At a blank, a new word begins; a cursor within a word completes what is before it.
    current=${words[${#words[@]}-1]}
    if [[ $COMP_WORDBREAKS == *:* && $current == *:* ]]; then
        before=${current%"${current##*:}"}
    fi
    COMPREPLY=()
    while IFS= read -r reply; do
        reply=${reply#"$before"}
        case $reply in
            *[\ \'\"\$\&\(\)\;\<\>\|]*) printf -v reply '%q' "$reply" ;;
        esac
        COMPREPLY+=("$reply")
    done < <(
        _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) MAILVAULT_COMPLETE=bash \
            mailvault -- "${words[@]}" 2>/dev/null && echo
    )
    if [[ ${#COMPREPLY[@]} -eq 1 && -z ${COMPREPLY[0]} ]]; then
        COMPREPLY=()
    fi
    if [[ ${#COMPREPLY[@]} -ne 1 || ! ${COMPREPLY[0]} =~ [:=/]$ ]]; then
        compopt +o nospace 2>/dev/null
    fi
}

if ((BASH_VERSINFO[0] > 4 || BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4)); then
    complete -o nospace -o bashdefault -o nosort -F _mailvault mailvault
else
    complete -o nospace -o bashdefault -F _mailvault mailvault
fi
