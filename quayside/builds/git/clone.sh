# Puts the tree of a commit into the working directory, which is empty:
#     clone.sh URL COMMIT REF MARK DEPTH MOST
# COMMIT may be abbreviated; REF may be empty. The commit is told in a line that begins with MARK.
umask 022
url=$1 commit=$2 ref=$3 mark=$4 depth=$5 most=$6

has() { git rev-parse --verify --quiet "$commit^{commit}" >/dev/null; }
fetch() { git fetch --quiet --no-tags "$@"; }

format=sha1
[ "${#commit}" = 64 ] && format=sha256
git init --quiet --template= --object-format="$format" . && git remote add origin "$url" || exit 1

case ${#commit} in
40 | 64) ;;
*)
    # A server knows whole names only; most commits that are asked for are the tip of a branch or tag.
    tips=$(git ls-remote origin) || { echo "$tips"; exit 1; }
    tip=$(echo "$tips" | cut -f 1 | grep "^$commit" | sort -u)
    [ "${#tip}" = 40 ] && commit=$tip
    ;;
esac

if [ "${#commit}" -ge 40 ] && said=$(fetch --depth=1 origin "$commit" 2>&1); then
    :
else
    case $said in
    # Servers of some age or kind give tips only, or no shallow history.
    '' | *unadvertised* | *'not valid'* | *shallow*) ;;
    *) echo "$said"; exit 1 ;;
    esac
    # References have names that stand for no commit by chance.
    { [ -n "$ref" ] && fetch origin "+$ref:refs/fetched/ref" 2>/dev/null && has; } ||
        fetch origin '+refs/heads/*:refs/fetched/heads/*' '+refs/tags/*:refs/fetched/tags/*' || exit 1
fi
found=$(git rev-parse --verify --quiet "$commit^{commit}") || { echo "fatal: not our ref $commit"; exit 1; }
git checkout --quiet --detach "$found" || exit 1
echo "$mark$found"

echo 0 >"$HOME/submodules"
sh "$HOME/submodules.sh" "$depth" "$most" || exit 1

# What belongs to git is not for the build: it differs from clone to clone, so that no layer would be cached.
find . -name .git -prune -exec rm -rf {} +
