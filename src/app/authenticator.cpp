#include "app/authenticator.h"

#include <memory>
#include <variant>

namespace gongshu::app {

void Authenticator::authenticate(broker::Credentials credentials, Done done) {
    if (!auth_.mqtt_check_is_slow(credentials.username, credentials.password)) return done(check(credentials));
    const auto shared = std::make_shared<Done>(std::move(done));
    const bool taken = pool_.submit([this, credentials = std::move(credentials), shared] {
        auto answer = std::make_shared<Result<broker::Principal>>(check(credentials));
        lane_.post([this, answer, credentials, shared] { (*shared)(once_more(credentials, std::move(*answer))); });
    });
    if (!taken) (*shared)(Error{Code::unavailable, "too many sign-ins at once: try again in a few seconds"});
}

// Rights that ended while the password was computed were told to the broker before this client had a session: what
// holds now is in memory, and what changes from now on finds the session.
Result<broker::Principal> Authenticator::once_more(const broker::Credentials& credentials,
                                                   Result<broker::Principal> found) {
    if (!found) return found;
    if (auth_.mqtt_check_is_slow(credentials.username, credentials.password))
        return Error{Code::unavailable, "the password or the rights were changed at this moment: sign in again"};
    return check(credentials);
}

Result<broker::Principal> Authenticator::check(const broker::Credentials& credentials) {
    const auto who = TRY(auth_.check_mqtt(credentials.username, credentials.password, credentials.from));
    if (const auto* device = std::get_if<registry::DevicePrincipal>(&who)) {
        return broker::Principal{.tenant = device->tenant,
                                 .kind = broker::PrincipalKind::device,
                                 .name = "device:" + device->device,
                                 .device_path = device->device,
                                 .device_uid = device->uid,
                                 .role = registry::Role::none,
                                 .paths = {},
                                 .expires = 0};
    }
    const auto& person = std::get<registry::Principal>(who);
    if (person.must_change_password)
        return Error{Code::unauthorized, "sign in to the pages first and choose a password"};
    return broker::Principal{.tenant = person.actor.tenant,
                             .kind = person.is_token ? broker::PrincipalKind::token : broker::PrincipalKind::user,
                             .name = person.actor.who,
                             .device_path = "",
                             .device_uid = "",
                             .role = person.actor.role,
                             .paths = person.paths,
                             .expires = person.expires};
}

}  // namespace gongshu::app
