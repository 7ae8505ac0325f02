// URLs of issuers, key sets and upstreams, as the configuration gives them.

internal import HTTP
internal import Policy

extension Node {
    /// A URL.
    func url(_ what: String, allowsQuery: Bool = false) -> HTTPURL? {
        guard let text = string(what) else { return nil }
        do throws(HTTPURLError) {
            return try HTTPURL(text, allowsQuery: allowsQuery)
        } catch {
            self.error(error.sentence, "Write \(what).")
            return nil
        }
    }
}

extension HTTPURL {
    /// Whether only this machine has the host.
    var isLoopback: Bool { ResourceURI.isLoopback(host: host) }
}
