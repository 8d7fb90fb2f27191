# What strangers, and a machine that is full, can do to a run.
robust_tests = tests/robust/test_damage tests/robust/test_faults
check_PROGRAMS += $(robust_tests)
tests_robust_test_damage_SOURCES = tests/robust/test_damage.c tests/robust/heap.h \
  tests/robust/leave.h
tests_robust_test_damage_LDADD = libtfm.la
tests_robust_test_faults_SOURCES = tests/robust/test_faults.c tests/robust/heap.h
tests_robust_test_faults_LDADD = libtfm.la

script_tests += tests/robust/hostile.sh tests/robust/bombs.sh tests/robust/faults.sh
EXTRA_DIST += tests/robust/faults.c tests/robust/peak.c

# Each call of tfm.h with each of its pointers NULL; structs of other sizes; fork.
robust_tests += tests/robust/test_calls
tests_robust_test_calls_SOURCES = tests/robust/test_calls.c
tests_robust_test_calls_LDADD = libtfm.la

# Many threads, one model; sessions of one that come and go.
robust_tests += tests/robust/test_sessions
tests_robust_test_sessions_SOURCES = tests/robust/test_sessions.c tests/robust/answers.h
tests_robust_test_sessions_LDADD = libtfm.la
robust_tests += tests/robust/test_threads
tests_robust_test_threads_SOURCES = tests/robust/test_threads.c tests/robust/answers.h
tests_robust_test_threads_LDADD = libtfm.la

# Steps ask for no memory.
robust_tests += tests/robust/test_steps
tests_robust_test_steps_SOURCES = tests/robust/test_steps.c tests/robust/answers.h tests/robust/heap.h
tests_robust_test_steps_LDADD = libtfm.la
