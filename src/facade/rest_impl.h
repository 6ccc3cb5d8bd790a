#pragma once

#include <memory>
#include <utility>

#include <latchkey/rest.h>

#include "facade/api_host.h"
#include "facade/hop.h"
#include "rest/place.h"

namespace latchkey {

/// Whose calls the face makes, and where.
struct Rest::Impl {
    std::shared_ptr<ApiHost> host;
    rest::Place place;
    Impl(std::shared_ptr<ApiHost> h, ConnectionId connection)
        : host(std::move(h)), place(host->port(), std::move(connection)) {}

    template <class T>
    Task<T> hop(Task<T> work, Deadline by) const {
        return on_loop(host, std::move(work), by);
    }
    template <class T>
    Result<T> wait(Task<T> work, Deadline by) const {
        return wait_for(host, std::move(work), by);
    }
};

}  // namespace latchkey
