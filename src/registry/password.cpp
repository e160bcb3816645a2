#include "registry/password.h"

#include <argon2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "io/crypto.h"

namespace gongshu::registry {

namespace {

constexpr std::uint32_t kWaitingMax = 16;
constexpr std::size_t kSaltBytes = 16, kHashBytes = 32;
constexpr std::size_t kPasswordBytesMax = 200;
constexpr std::size_t kPasswordCharactersMin = 10;

}  // namespace

// One of the few places at the stove, held while it lives.
class Passwords::Turn {
public:
    static Result<std::unique_ptr<Turn>> take(Passwords& owner) {
        std::unique_lock lock(owner.mutex_);
        if (owner.running_ >= owner.at_once_max_) {
            if (owner.waiting_ >= kWaitingMax) {
                return Error{Code::limit, "too many sign-ins at once ({} wait); try again in a moment", owner.waiting_};
            }
            ++owner.waiting_;
            owner.free_.wait(lock, [&] { return owner.running_ < owner.at_once_max_; });
            --owner.waiting_;
        }
        ++owner.running_;
        return std::unique_ptr<Turn>(new Turn(owner));
    }
    ~Turn() {
        const std::lock_guard lock(owner_.mutex_);
        --owner_.running_;
        owner_.free_.notify_one();
    }

private:
    explicit Turn(Passwords& owner) : owner_(owner) {}
    Passwords& owner_;
};

Result<std::string> Passwords::hash(std::string_view password) {
    const auto turn = TRY(Turn::take(*this));
    std::array<std::uint8_t, kSaltBytes> salt{};
    io::random_bytes(salt);
    std::string encoded(argon2_encodedlen(passes_, memory_kib_, 1, kSaltBytes, kHashBytes, Argon2_id), '\0');
    const int code = argon2id_hash_encoded(passes_, memory_kib_, 1, password.data(), password.size(), salt.data(),
                                           salt.size(), kHashBytes, encoded.data(), encoded.size());
    if (code != ARGON2_OK) return Error{Code::unavailable, "cannot hash a password: {}", argon2_error_message(code)};
    encoded.resize(encoded.find('\0'));
    return encoded;
}

Result<bool> Passwords::verify(std::string_view encoded, std::string_view password) {
    if (password.size() > kPasswordBytesMax) return false;
    if (encoded.empty()) {
        TRY(hash(password));
        return false;
    }
    const auto turn = TRY(Turn::take(*this));
    const int code = argon2id_verify(std::string(encoded).c_str(), password.data(), password.size());
    if (code == ARGON2_OK) return true;
    if (code == ARGON2_VERIFY_MISMATCH) return false;
    return Error{Code::unavailable, "cannot check a password: {}", argon2_error_message(code)};
}

Result<void> check_password_rules(std::string_view password, std::string_view user) {
    const auto characters = static_cast<std::size_t>(
        std::ranges::count_if(password, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    if (characters < kPasswordCharactersMin) {
        return Error{Code::invalid, "password: expected at least {} characters, found {}", kPasswordCharactersMin,
                     characters};
    }
    if (password.size() > kPasswordBytesMax) {
        return Error{Code::invalid, "password: expected at most {} bytes, found {}", kPasswordBytesMax,
                     password.size()};
    }
    auto lower = [](std::string_view text) {
        std::string out(text);
        for (char& c : out) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        }
        return out;
    };
    if (lower(password) == lower(user)) return Error{Code::invalid, "password: it must not be the user's name"};
    if (password.find_first_not_of(password.front()) == std::string_view::npos) {
        return Error{Code::invalid, "password: it must not be one character repeated"};
    }
    return {};
}

}  // namespace gongshu::registry
