# Interesting (exit code 1): a program that verifies and turns channels.
if winnow-opt "$1" 2>/dev/null | grep -q 'winnow\.rope'; then
  exit 1
fi
exit 0
