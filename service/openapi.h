#pragma once

#include <string_view>

namespace latchkey::service {

/// service/openapi.json, embedded at build time.
std::string_view openapi_document();

}  // namespace latchkey::service
