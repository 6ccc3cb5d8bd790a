#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <latchkey/error.h>

#include "net/http_server.h"

struct bio_method_st;
struct bio_st;
struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace latchkey {

/// Settings that many TLS connections share: TLS 1.2 or newer, no compression, no renegotiation, no
/// early data. Copies share them, and may be used from several threads.
class TlsContext {
public:
    /// Trusts the system's store and, if given, the authorities of a PEM file.
    /// errors  misconfigured  tls_files
    static Result<TlsContext> client(const std::string& extra_ca_file);
    /// Looks at its files whenever a connection begins and takes them up when they have changed;
    /// connections that are there keep what they have. Files that cannot be used change nothing.
    /// Copies share what was found.
    /// errors  misconfigured  tls_files
    static Result<TlsContext> server(const ServerTls& files);

    /// Of a server: takes its files up now, changed or not.
    /// errors  misconfigured  tls_files
    Result<void> renew() const;

    /// What became of files that have changed since this was last asked; nullopt: none have.
    std::optional<Result<void>> news() const;

    /// Sessions that servers offered to resume, which spares a later handshake its certificates.
    class Sessions;
    const std::shared_ptr<Sessions>& sessions() const noexcept { return sessions_; }

private:
    friend class TlsEngine;
    class Renewal;

    explicit TlsContext(ssl_ctx_st* context);
    static Result<TlsContext> load(const ServerTls& files);
    ssl_ctx_st* get() const noexcept { return context_.get(); }
    /// Of a server: the newest that its files have given. Taken when a connection begins.
    std::shared_ptr<ssl_ctx_st> newest() const;

    std::shared_ptr<ssl_ctx_st> context_;
    std::shared_ptr<Renewal> renewal_;    ///< of a server
    std::shared_ptr<Sessions> sessions_;  ///< of a client
};

/// One side of one TLS connection, without a socket: sealed bytes go in with `feed` and come out of
/// `outgoing`, and plain ones the other way. Knows no time and never waits.
class TlsEngine {
public:
    /// `host` is verified against the certificate: a name (sent as SNI too) or a numeric address.
    static std::unique_ptr<TlsEngine> client(const TlsContext& context, const std::string& host);
    static std::unique_ptr<TlsEngine> server(const TlsContext& context);
    ~TlsEngine();
    TlsEngine(const TlsEngine&) = delete;
    TlsEngine& operator=(const TlsEngine&) = delete;

    enum class Step {
        done,    ///< something was achieved
        hungry,  ///< needs more bytes of the peer
        ended,   ///< the peer said close_notify
        failed,  ///< broken for good; `why` has the reason
    };

    Step handshake();
    /// As much as there is and fits: several records at once.
    Step read(std::span<char> into, std::size_t& got);
    /// Bytes were fed that `read` has not given yet; perhaps a part of a record only.
    bool unread() const;
    /// Takes at most 64 KB at once.
    Step write(std::string_view bytes, std::size_t& taken);
    /// Queues close_notify.
    void say_goodbye();

    /// Bytes of the peer, which stay where they are until the next `handshake` or `read`; what that
    /// leaves of them is copied.
    void feed(std::string_view sealed);
    /// Sealed bytes to be sent; valid until the next call of anything else.
    std::string_view outgoing() const { return std::string_view{outgoing_}.substr(sent_); }
    /// The first `bytes` of `outgoing` need not be kept any longer.
    void sent(std::size_t bytes);

    const std::string& why() const { return why_; }
    /// After the handshake: true if it went on with an earlier connection's session.
    bool resumed() const;

private:
    explicit TlsEngine(ssl_ctx_st* context);
    Step judge(int outcome);
    void keep_rest();

    // What OpenSSL takes for its network.
    static const bio_method_st* network();
    static int give(bio_st* bio, char* into, std::size_t room, std::size_t* given);
    static int take(bio_st* bio, const char* bytes, std::size_t size, std::size_t* taken);
    static long control(bio_st* bio, int what, long number, void* more);

    static int keep_session(ssl_st* ssl, ssl_session_st* session);
    friend class TlsContext;

    ssl_st* ssl_ = nullptr;
    std::string_view fed_;      ///< not taken yet
    std::string rest_;          ///< where that is unless it lies where it was fed from
    bool in_rest_ = false;      ///< it does
    Step behind_ = Step::done;  ///< what the next `read` has to say, without another
    std::string outgoing_;
    std::size_t sent_ = 0;  ///< of it
    std::shared_ptr<TlsContext::Sessions> sessions_;
    std::string host_;  ///< whose sessions they are
    std::string why_;
};

}  // namespace latchkey
