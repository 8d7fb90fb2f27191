# What strangers, and a machine that is full, can do to a run.
check_PROGRAMS += tests/robust/test_damage
tests_robust_test_damage_LDADD = libtfm.la
robust_tests = tests/robust/test_damage

script_tests += tests/robust/hostile.sh
# Slow, and some of its calls still fail in ways of their own: by hand.
EXTRA_DIST += tests/robust/faults.sh
EXTRA_DIST += tests/robust/faults.c
