#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace latchkey {

struct Header {
    std::string name;
    std::string value;
    Header(std::string n, std::string v) : name(std::move(n)), value(std::move(v)) {}
};

/// Header lines in order; names compare without case.
class Headers {
public:
    Headers() = default;
    Headers(std::initializer_list<Header> lines) : lines_(lines) {}

    void add(std::string name, std::string value) {
        lines_.emplace_back(std::move(name), std::move(value));
    }
    void set(std::string_view name, std::string value);
    void remove(std::string_view name);
    /// The first value; nullopt if there is none.
    std::optional<std::string_view> find(std::string_view name) const;
    std::size_t count(std::string_view name) const;

    auto begin() const { return lines_.begin(); }
    auto end() const { return lines_.end(); }
    std::size_t size() const { return lines_.size(); }

private:
    std::vector<Header> lines_;
};

/// One request without its destination. `target` is origin-form ("/path?query"), sent as it is.
/// The transport adds Host, Content-Length and Connection; a request must not bring them.
struct HttpRequest {
    std::string method;
    std::string target;
    Headers headers;
    std::string body;
    HttpRequest() = default;
    HttpRequest(std::string m, std::string t, Headers h = {}, std::string b = {})
        : method(std::move(m)), target(std::move(t)), headers(std::move(h)), body(std::move(b)) {}
};

/// One answer, whatever its status.
struct HttpResponse {
    int status = 0;
    Headers headers;
    std::string body;   ///< framing removed, content coding kept
    bool whole = true;  ///< false: the connection ended inside the body; `body` is what came
    HttpResponse() = default;
    HttpResponse(int s, Headers h, std::string b)
        : status(s), headers(std::move(h)), body(std::move(b)) {}
};

}  // namespace latchkey
