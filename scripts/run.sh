# Runs a command, such as `sh scripts/run.sh node src/main.ts`, once what package.json wants is
# installed. No Node is started to find that out: the stamp of install.mjs is these two files, one
# after the other. What Node compiles it keeps for the next start
# (https://nodejs.org/api/module.html#module-compile-cache; Deno does so by itself).

cat package.json package-lock.json | cmp -s - node_modules/.tapin-installed ||
  node scripts/install.mjs || exit 1

# The install may have brought another Node than the one that ran it, which bash would remember.
hash -r

NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE-node_modules/.cache/tapin}
export NODE_COMPILE_CACHE
exec "$@"
