#pragma once

#include <memory>
#include <utility>

#include "rest/api_port.h"

namespace latchkey::rest {

/// Whose calls they are.
struct Place {
    std::shared_ptr<ApiPort> port;
    ConnectionId connection;
    Place(std::shared_ptr<ApiPort> p, ConnectionId c)
        : port(std::move(p)), connection(std::move(c)) {}
};

}  // namespace latchkey::rest
