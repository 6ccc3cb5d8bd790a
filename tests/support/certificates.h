#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace latchkey::test {

/// A certificate authority made for one test, with its files in a folder that goes with it.
class Certificates {
public:
    struct Wish {
        std::string names = "DNS:localhost,IP:127.0.0.1";  ///< subjectAltName in OpenSSL's words
        long valid_from = -3600;                           ///< seconds from now
        long valid_to = 86400;
        bool self_signed = false;
    };
    struct Files {
        std::string certificate_file;
        std::string key_file;
    };

    Certificates() {
        std::string folder = (std::filesystem::temp_directory_path() / "latchkeyXXXXXX").string();
        if (!::mkdtemp(folder.data())) throw std::runtime_error("mkdtemp");
        folder_ = folder;
        key_ = make_key();
        authority_ = make(Wish{}, key_.get(), "test authority", nullptr, key_.get());
        write_certificate(ca_file(), authority_.get());
    }
    Certificates(const Certificates&) = delete;
    Certificates& operator=(const Certificates&) = delete;
    ~Certificates() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    std::string ca_file() const { return (folder_ / "ca.pem").string(); }

    Files issue(const Wish& wish) {
        const auto number = std::to_string(++issued_);
        const Files files{(folder_ / (number + ".pem")).string(),
                          (folder_ / (number + ".key")).string()};
        const Key key = make_key();
        const Certificate made =
            wish.self_signed ? make(wish, key.get(), "localhost", nullptr, key.get())
                             : make(wish, key.get(), "localhost", authority_.get(), key_.get());
        write_certificate(files.certificate_file, made.get());
        std::unique_ptr<FILE, int (*)(FILE*)> out{std::fopen(files.key_file.c_str(), "w"),
                                                  &std::fclose};
        PEM_write_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        return files;
    }
    Files issue() { return issue(Wish{}); }

private:
    using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
    using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

    static Key make_key() { return Key{EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

    static void extend(X509* certificate, X509V3_CTX* context, int what, const char* value) {
        std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension{
            X509V3_EXT_conf_nid(nullptr, context, what, value), &X509_EXTENSION_free};
        X509_add_ext(certificate, extension.get(), -1);
    }

    /// Without an issuer it is its own.
    static Certificate make(const Wish& wish, EVP_PKEY* key, const char* name, X509* issuer,
                            EVP_PKEY* issuer_key) {
        static long serial = 1;
        Certificate made{X509_new(), &X509_free};
        X509* it = made.get();
        X509_set_version(it, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(it), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(it), wish.valid_from);
        X509_gmtime_adj(X509_getm_notAfter(it), wish.valid_to);
        X509_set_pubkey(it, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(it), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
        X509_set_issuer_name(it, X509_get_subject_name(issuer ? issuer : it));
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer ? issuer : it, it, nullptr, nullptr, 0);
        const bool authority = std::string{name} == "test authority";
        extend(it, &context, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
        if (!authority) extend(it, &context, NID_subject_alt_name, wish.names.c_str());
        X509_sign(it, issuer_key, EVP_sha256());
        return made;
    }

    static void write_certificate(const std::string& file, X509* certificate) {
        std::unique_ptr<FILE, int (*)(FILE*)> out{std::fopen(file.c_str(), "w"), &std::fclose};
        PEM_write_X509(out.get(), certificate);
    }

    std::filesystem::path folder_;
    Key key_{nullptr, &EVP_PKEY_free};
    Certificate authority_{nullptr, &X509_free};
    int issued_ = 0;
};

}  // namespace latchkey::test
