# Made by provlogd --completion; do not edit.
_provlogd()
{
    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD - 1]}
    local flags subcommands=""
    COMPREPLY=()
    case $last in
    --config) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --data-dir) COMPREPLY=($(compgen -d -- "$word")); return ;;
    --listen) return ;;
    --admin-listen) return ;;
    --origin) return ;;
    --base-url) return ;;
    --continue-from) return ;;
    --tls-cert) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --tls-key) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --trust-extra) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --duplicates) COMPREPLY=($(compgen -W "return conflict" -- "$word")); return ;;
    --threads) return ;;
    --workers) return ;;
    --body-max) return ;;
    --inflight-max) return ;;
    --conns-max) return ;;
    --queue-max) return ;;
    --queue-bytes-max) return ;;
    --wal-max) return ;;
    --disk-floor-bytes) return ;;
    --disk-floor-percent) return ;;
    --head-timeout) return ;;
    --idle-timeout) return ;;
    --request-timeout) return ;;
    --drain-timeout) return ;;
    --log-format) COMPREPLY=($(compgen -W "auto json text" -- "$word")); return ;;
    --log-level) COMPREPLY=($(compgen -W "debug info warn error" -- "$word")); return ;;
    --mirror) return ;;
    esac
    case ${COMP_WORDS[1]} in
    init) flags="--config --data-dir --origin --log-format --log-level --help --version" ;;
    fsck) flags="--config --data-dir --log-format --log-level --help --version" ;;
    backup) flags="--config --data-dir --log-format --log-level --help --version" ;;
    restore) flags="--config --data-dir --log-format --log-level --help --version" ;;
    health) flags="--config --admin-listen --log-format --log-level --help --version" ;;
    version) flags="--help --version" ;;
    *) flags="--config --data-dir --listen --admin-listen --origin --base-url --no-create --continue-from --tls-cert --tls-key --trust-extra --duplicates --threads --workers --body-max --inflight-max --conns-max --queue-max --queue-bytes-max --wal-max --disk-floor-bytes --disk-floor-percent --head-timeout --idle-timeout --request-timeout --drain-timeout --log-format --log-level --mirror --ready-json --check --help --version" ;;
    esac
    [ "$COMP_CWORD" = 1 ] && subcommands="init fsck backup restore health version"
    case $word in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -W "$subcommands" -- "$word")) ;;
    esac
}
complete -F _provlogd provlogd
