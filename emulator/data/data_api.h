#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <latchkey/time.h>

#include "net/http_server.h"

namespace latchkey::emulator {

/// Who stands behind an access token that the OAuth side has found alive.
struct Caller {
    std::string org_id;   ///< 18 characters
    std::string user_id;  ///< 18 characters
    std::string username;
    std::string identity_url;  ///< absolute
};

/// The org's data and the REST API over it: everything below /services/data. Knows nothing of OAuth
/// but the Caller. Deterministic under its seed. One thread at a time.
class DataApi {
public:
    explicit DataApi(std::uint64_t seed, std::string org_id, std::string user_id,
                     std::string username);
    ~DataApi();

    /// Answers a request whose path (leading double slashes already folded) begins with
    /// /services/data. Only the list of versions is given without a caller; everything else then
    /// gets 401 INVALID_SESSION_ID.
    Reply handle(const ServedRequest& request, const std::optional<Caller>& caller, WallTime now);

    /// Sets the org's daily limit of API requests; what is used starts again at 0.
    void set_daily_limit(std::int64_t requests);
    /// How many records generated objects have, up to 100,000,000 (1,000,000).
    void set_generated_rows(std::int64_t rows);
    std::int64_t daily_limit() const;
    std::int64_t used_today() const;
    std::int64_t generated_rows() const;
    /// As after the start.
    void reset();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::emulator
