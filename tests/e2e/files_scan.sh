#!/bin/sh
# A virus scanner for tests: EICAR is a virus, STRANGE breaks it.
if grep -q EICAR "$1"; then echo "$1: Eicar found"; exit 1; fi
if grep -q STRANGE "$1"; then echo "cannot look into it"; exit 7; fi
