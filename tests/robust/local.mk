# What strangers, and a machine that is full, can do to a run.
check_PROGRAMS += tests/robust/test_damage
tests_robust_test_damage_LDADD = libtfm.la
robust_tests = tests/robust/test_damage

EXTRA_DIST += tests/robust/faults.sh tests/robust/hostile.sh
EXTRA_DIST += tests/robust/faults.c
