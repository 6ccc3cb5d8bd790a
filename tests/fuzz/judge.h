#pragma once

#include <cstdio>
#include <cstdlib>

/// Ends the process where a property does not hold, in every kind of build.
#define LATCHKEY_HOLDS(condition)                                                        \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                \
        }                                                                                \
    } while (false)
