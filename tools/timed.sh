#!/usr/bin/env bash
# Compiler launcher: runs the compiler (through ccache) and notes its processor seconds in compile_times.log of the build
# folder, which is where ninja runs it. Processor time, because wall time on a busy machine accuses the innocent.
output=
for ((i = 1; i <= $#; ++i)); do [ "${!i}" = -o ] && { next=$((i + 1)); output=${!next}; }; done
TIMEFORMAT='%U'
{ seconds=$( { time ccache "$@" 1>&3 2>&4; } 2>&1 ); } 3>&1 4>&2
status=$?
[ -z "$output" ] || echo "$seconds $output" >> compile_times.log
exit $status
