#include "service/openapi.h"

// The path comes from CMake, which also rebuilds this file when the document changes.
__asm__(
    ".section .rodata\n"
    ".global latchkey_openapi_begin\n"
    ".global latchkey_openapi_end\n"
    "latchkey_openapi_begin:\n"
    ".incbin \"" LATCHKEY_OPENAPI_FILE
    "\"\n"
    "latchkey_openapi_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" {
extern const char latchkey_openapi_begin[];
extern const char latchkey_openapi_end[];
}

namespace latchkey::service {

std::string_view openapi_document() {
    return {latchkey_openapi_begin,
            static_cast<std::size_t>(latchkey_openapi_end - latchkey_openapi_begin)};
}

}  // namespace latchkey::service
