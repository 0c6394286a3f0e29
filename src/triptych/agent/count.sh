#!/bin/sh
# Prints 1 to 30, one a second.
i=1
while [ "$i" -le 30 ]; do
  echo "$i"
  i=$((i + 1))
  sleep 1
done
