#include "net/tls.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/text.h"

namespace latchkey {

namespace {

constexpr std::size_t slice_bytes = 64 * 1024;
constexpr std::size_t kept_bytes = 20 * 1024;

std::string openssl_reason() {
    const auto code = ERR_peek_last_error();
    const char* text = code ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    return text ? printable(text) : "unknown reason";
}

Error bad_files(const std::string& file, const char* what) {
    return Error{Fault::misconfigured, "tls_files",
                 std::string{"The "} + what + " file " + printable(file) +
                     " cannot be used: " + openssl_reason() + ". Name a readable PEM file."};
}

bool is_address(const std::string& host) {
    std::array<unsigned char, 16> bytes{};
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

void harden(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_max_early_data(context, 0);
}

/// By which a file that was changed or replaced is known.
struct Print {
    ::dev_t device = 0;
    ::ino_t inode = 0;
    ::off_t size = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    bool operator==(const Print&) const = default;
};
using Prints = std::pair<Print, Print>;

Print print_of(const std::string& file) {
    struct ::stat seen{};
    if (::stat(file.c_str(), &seen) != 0) return Print{};
    return Print{seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec};
}

Prints prints_of(const ServerTls& files) {
    return {print_of(files.certificate_file), print_of(files.key_file)};
}

/// A client that knows only HTTP/2 gets no common protocol and is told so by the handshake.
int choose_http_1_1(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, chosen_size, ours.data(), ours.size(), offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace

/// A session belongs to one host, whose certificate was verified when it began, and is used once
/// (RFC 8446 appendix C.4).
class TlsContext::Sessions {
public:
    /// Null if there is none.
    SSL_SESSION* take(const std::string& host) {
        std::lock_guard hold{mutex_};
        const auto found = kept_.find(host);
        if (found == kept_.end()) return nullptr;
        SSL_SESSION* session = nullptr;
        auto& sessions = found->second;
        while (session == nullptr && !sessions.empty()) {
            Session last = std::move(sessions.back());
            sessions.pop_back();
            if (SSL_SESSION_is_resumable(last.get()) == 1) session = last.release();
        }
        if (sessions.empty()) kept_.erase(found);
        return session;
    }
    void put(const std::string& host, SSL_SESSION* session) {
        Session owned{session, &SSL_SESSION_free};
        std::lock_guard hold{mutex_};
        if (kept_.size() >= most_hosts && !kept_.contains(host)) kept_.clear();
        auto& sessions = kept_[host];
        if (sessions.size() >= most_sessions) sessions.erase(sessions.begin());
        sessions.push_back(std::move(owned));
    }

private:
    using Session = std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)>;
    static constexpr std::size_t most_hosts = 1000;
    static constexpr std::size_t most_sessions = 4;
    std::mutex mutex_;
    std::unordered_map<std::string, std::vector<Session>> kept_;
};

/// The files of a server, and what they gave when they were last looked at.
class TlsContext::Renewal {
public:
    Renewal(ServerTls files, Prints prints, std::shared_ptr<SSL_CTX> first)
        : files_(std::move(files)), prints_(prints), newest_(std::move(first)) {}

    std::shared_ptr<SSL_CTX> look() {
        std::lock_guard hold{mutex_};
        const auto now = prints_of(files_);
        if (now != prints_) news_.emplace(take_up(now));
        return newest_;
    }
    Result<void> renew() {
        std::lock_guard hold{mutex_};
        return take_up(prints_of(files_));
    }
    std::optional<Result<void>> news() {
        std::lock_guard hold{mutex_};
        return std::exchange(news_, std::nullopt);
    }

private:
    /// `now` was looked up before the files are read: a change between would otherwise be missed.
    Result<void> take_up(const Prints& now) {
        prints_ = now;
        auto loaded = load(files_);
        if (!loaded) return loaded.error();
        newest_ = loaded->context_;
        return {};
    }

    std::mutex mutex_;
    const ServerTls files_;
    Prints prints_;
    std::shared_ptr<SSL_CTX> newest_;
    std::optional<Result<void>> news_;
};

std::shared_ptr<SSL_CTX> TlsContext::newest() const {
    return renewal_ ? renewal_->look() : context_;
}

Result<void> TlsContext::renew() const {
    return renewal_ ? renewal_->renew() : Result<void>{};
}

std::optional<Result<void>> TlsContext::news() const {
    return renewal_ ? renewal_->news() : std::nullopt;
}

TlsContext::TlsContext(ssl_ctx_st* context) : context_(context, &SSL_CTX_free) {}

int TlsEngine::keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* const engine = static_cast<TlsEngine*>(SSL_get_app_data(ssl));
    if (engine == nullptr || !engine->sessions_) return 0;
    engine->sessions_->put(engine->host_, session);
    return 1;  // it is ours now
}

bool TlsEngine::resumed() const {
    return SSL_session_reused(ssl_) == 1;
}

Result<TlsContext> TlsContext::client(const std::string& extra_ca_file) {
    ERR_clear_error();
    TlsContext made{SSL_CTX_new(TLS_client_method())};
    SSL_CTX* context = made.get();
    harden(context);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, &TlsEngine::keep_session);
    made.sessions_ = std::make_shared<Sessions>();
    if (SSL_CTX_set_default_verify_paths(context) != 1) {
        return bad_files("of the system", "certificate authorities");
    }
    if (!extra_ca_file.empty() &&
        SSL_CTX_load_verify_locations(context, extra_ca_file.c_str(), nullptr) != 1) {
        return bad_files(extra_ca_file, "certificate authorities");
    }
    return made;
}

Result<TlsContext> TlsContext::server(const ServerTls& files) {
    // Before they are read: a change between would otherwise be missed for good.
    const auto prints = prints_of(files);
    auto made = load(files);
    if (made) made->renewal_ = std::make_shared<Renewal>(files, prints, made->context_);
    return made;
}

Result<TlsContext> TlsContext::load(const ServerTls& files) {
    ERR_clear_error();
    TlsContext made{SSL_CTX_new(TLS_server_method())};
    SSL_CTX* context = made.get();
    harden(context);
    SSL_CTX_set_alpn_select_cb(context, &choose_http_1_1, nullptr);
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate_file.c_str()) != 1) {
        return bad_files(files.certificate_file, "certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return bad_files(files.key_file, "key");
    }
    return made;
}

// OpenSSL reads from where the socket's bytes lie, without a copy between, and writes into a string.
// Nothing there means "not yet", never "end of file": the socket tells ends apart.

int TlsEngine::give(BIO* bio, char* into, std::size_t room, std::size_t* given) {
    auto& fed = static_cast<TlsEngine*>(BIO_get_data(bio))->fed_;
    BIO_clear_retry_flags(bio);
    *given = std::min(room, fed.size());
    if (fed.empty()) {
        BIO_set_retry_read(bio);
        return 0;
    }
    std::memcpy(into, fed.data(), *given);
    fed.remove_prefix(*given);
    return 1;
}

int TlsEngine::take(BIO* bio, const char* bytes, std::size_t size, std::size_t* taken) {
    static_cast<TlsEngine*>(BIO_get_data(bio))->outgoing_.append(bytes, size);
    *taken = size;
    return 1;
}

long TlsEngine::control(BIO*, int what, long, void*) {
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* TlsEngine::network() {
    static const std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> made = [] {
        BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "latchkey");
        BIO_meth_set_read_ex(method, &TlsEngine::give);
        BIO_meth_set_write_ex(method, &TlsEngine::take);
        BIO_meth_set_ctrl(method, &TlsEngine::control);
        return std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)>{method, &BIO_meth_free};
    }();
    return made.get();
}

TlsEngine::TlsEngine(SSL_CTX* context) : ssl_(SSL_new(context)) {
    BIO* bio = BIO_new(network());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
}

TlsEngine::~TlsEngine() {
    SSL_free(ssl_);
}

std::unique_ptr<TlsEngine> TlsEngine::client(const TlsContext& context, const std::string& host) {
    std::unique_ptr<TlsEngine> engine{new TlsEngine(context.get())};
    X509_VERIFY_PARAM* verify = SSL_get0_param(engine->ssl_);
    if (is_address(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str());
    } else {
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        X509_VERIFY_PARAM_set1_host(verify, host.data(), host.size());
        SSL_set_tlsext_host_name(engine->ssl_, host.c_str());
    }
    SSL_set_connect_state(engine->ssl_);
    engine->sessions_ = context.sessions();
    engine->host_ = host;
    SSL_set_app_data(engine->ssl_, engine.get());
    if (SSL_SESSION* session = engine->sessions_->take(host)) {
        SSL_set_session(engine->ssl_, session);
        SSL_SESSION_free(session);
    }
    return engine;
}

std::unique_ptr<TlsEngine> TlsEngine::server(const TlsContext& context) {
    const auto newest = context.newest();  // the engine's own reference keeps it from here on
    std::unique_ptr<TlsEngine> engine{new TlsEngine(newest.get())};
    SSL_set_accept_state(engine->ssl_);
    return engine;
}

TlsEngine::Step TlsEngine::judge(int outcome) {
    if (outcome > 0) return Step::done;
    switch (SSL_get_error(ssl_, outcome)) {
        case SSL_ERROR_WANT_READ:
            return Step::hungry;
        case SSL_ERROR_ZERO_RETURN:
            return Step::ended;
        default:
            break;
    }
    const auto verdict = SSL_get_verify_result(ssl_);
    why_ =
        verdict == X509_V_OK ? openssl_reason() : printable(X509_verify_cert_error_string(verdict));
    ERR_clear_error();
    return Step::failed;
}

void TlsEngine::keep_rest() {
    if (fed_.empty() || in_rest_) return;
    rest_.assign(fed_);
    fed_ = rest_;
    in_rest_ = true;
}

TlsEngine::Step TlsEngine::handshake() {
    ERR_clear_error();
    const auto step = judge(SSL_do_handshake(ssl_));
    keep_rest();
    return step;
}

TlsEngine::Step TlsEngine::read(std::span<char> into, std::size_t& got) {
    ERR_clear_error();
    got = 0;
    auto step = behind_;
    // OpenSSL takes one record at a time, and never bytes of the next one.
    while (step == Step::done && got < into.size() && (got == 0 || unread())) {
        std::size_t some = 0;
        step = judge(SSL_read_ex(ssl_, into.data() + got, into.size() - got, &some));
        got += some;
    }
    keep_rest();
    if (step == Step::ended || step == Step::failed) behind_ = step;
    return got > 0 ? Step::done : step;
}

bool TlsEngine::unread() const {
    return !fed_.empty() || SSL_pending(ssl_) > 0 || behind_ != Step::done;
}

TlsEngine::Step TlsEngine::write(std::string_view bytes, std::size_t& taken) {
    ERR_clear_error();
    taken = 0;
    if (bytes.empty()) return Step::done;
    while (taken < std::min(bytes.size(), slice_bytes)) {
        std::size_t some = 0;
        const auto step =
            judge(SSL_write_ex(ssl_, bytes.data() + taken, bytes.size() - taken, &some));
        if (step != Step::done) return step;
        taken += some;
    }
    return Step::done;
}

void TlsEngine::say_goodbye() {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
    ERR_clear_error();
}

void TlsEngine::feed(std::string_view sealed) {
    if (fed_.empty()) {
        fed_ = sealed;
        in_rest_ = false;
        return;
    }
    std::string joined{fed_};
    rest_ = std::move(joined.append(sealed));
    fed_ = rest_;
    in_rest_ = true;
}

void TlsEngine::sent(std::size_t bytes) {
    sent_ += bytes;
    if (sent_ < outgoing_.size()) {
        // A peer who takes a little at a time must not make it grow by all that he took.
        if (sent_ > outgoing_.size() / 2 && sent_ > kept_bytes) {
            outgoing_.erase(0, sent_);
            sent_ = 0;
        }
        return;
    }
    outgoing_.clear();
    sent_ = 0;
    // Many connections are idle at a time.
    if (outgoing_.capacity() > kept_bytes) std::string{}.swap(outgoing_);
}

}  // namespace latchkey
