# Fetches the submodules of the tree in the working directory, and theirs:
#     submodules.sh DEPTH MOST
# `$HOME/submodules` holds how many there were so far.
depth=$1 most=$2

number=$(git ls-files --stage | grep -c '^160000 ')
[ "$number" = 0 ] && exit 0
[ "$depth" = 0 ] && { echo "fatal: refusing to go deeper into submodules of submodules"; exit 1; }
total=$(($(cat "$HOME/submodules") + number))
[ "$total" -gt "$most" ] && { echo "fatal: refusing to fetch more than $most submodules"; exit 1; }
echo "$total" >"$HOME/submodules"

if ! said=$(git submodule --quiet update --init --depth 1 2>&1); then
    case $said in
    *unadvertised* | *'not valid'* | *shallow* | *'did not contain'*)
        git submodule --quiet deinit --force --all
        rm -rf "$(git rev-parse --absolute-git-dir)/modules"
        git submodule --quiet update --init || exit 1
        ;;
    *) echo "$said"; exit 1 ;;
    esac
fi
git submodule --quiet foreach --quiet "sh \"\$HOME/submodules.sh\" $((depth - 1)) $most"
