// Who may ask at the admin listener.

internal import Configuration
internal import JSON
internal import Policy

/// The admin listener in words.
struct AdminReport {
    private let settings: AdminSettings

    /// Makes the report of `settings`.
    init(_ settings: AdminSettings) {
        self.settings = settings
    }

    private var isSecure: Bool { settings.listener.tls != nil }
    private var needsToken: Bool { settings.tokenDigest != nil }

    /// For people.
    var sentence: String {
        let hosts = (settings.answersForAnyAddress ? ["any address"] : []) + settings.hosts.sorted()
        return "Metrics and status at \(settings.listener.address), \(isSecure ? "TLS" : "cleartext"), for "
            + "\(hosts.joined(separator: ", ")); \(needsToken ? "a token is needed" : "no token is needed")."
    }

    /// For programs.
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("address", settings.listener.address)
            writer.name("tls")
            writer.bool(isSecure)
            writer.member("hosts", settings.hosts.sorted())
            writer.name("any_address")
            writer.bool(settings.answersForAnyAddress)
            writer.name("token")
            writer.bool(needsToken)
        }
    }
}
