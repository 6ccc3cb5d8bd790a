#pragma once

#include <cstddef>
#include <string>

#include "base/random.h"

namespace latchkey {

/// `size` characters of [a-z0-9], for the part of a key or token that is not secret.
std::string random_id(Random& random, std::size_t size);

}  // namespace latchkey
