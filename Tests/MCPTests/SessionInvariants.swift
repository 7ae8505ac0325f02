// What holds for every session id, good or bad: the fuzz target of sealing and opening.

import Bytes
import MCP

/// The invariants of `SessionSeal` and of `EndpointURI`.
enum SessionInvariants {
    private static let keys = try? SessionKeys(secrets: [[UInt8](repeating: 7, count: 32)])
    private static let binding = SessionBinding(route: "r", issuer: "i", subject: "s", client: nil)

    /// The invariant that `input` breaks, nil if none.
    static func broken(by input: Span<UInt8>) -> String? {
        guard let keys else { return "there are no keys" }
        return brokenByOpening(input, keys) ?? brokenBySealing(input, keys) ?? brokenByQuery(input)
    }

    /// Nobody but the fuzzer's own seal can make an id that opens.
    private static func brokenByOpening(_ input: Span<UInt8>, _ keys: SessionKeys) -> String? {
        do throws(SessionViolation) {
            let opened = try SessionSeal.open(input, for: binding, keys: keys)
            let again = try SessionSeal.seal(
                opened.id.span,
                for: binding,
                at: PlaceTag(endpoint: EndpointTag(ofEndpoint: "e")),
                keys: keys
            )
            return again == [UInt8](copying: input) ? nil : "another id opens than was sealed"
        } catch {
            return error.status == 404 || error.status == 400 ? nil : "a client's id is the upstream's fault"
        }
    }

    private static func brokenBySealing(_ input: Span<UInt8>, _ keys: SessionKeys) -> String? {
        let sealed: [UInt8]
        do throws(SessionViolation) {
            sealed = try SessionSeal.seal(
                input,
                for: binding,
                at: PlaceTag(endpoint: EndpointTag(ofEndpoint: "e")),
                keys: keys
            )
        } catch {
            return error.status == 502 ? nil : "an upstream's id is the client's fault"
        }
        guard sealed.count <= SessionSeal.maximumLength else { return "a sealed id is too long" }
        guard let opened = try? SessionSeal.open(sealed.span, for: binding, keys: keys) else {
            return "a sealed id does not open"
        }
        guard opened.id == [UInt8](copying: input) else { return "another id came back" }
        var altered = sealed
        let place = Int(input[0]) % altered.count
        altered[place] = altered[place] == 0x41 ? 0x42 : 0x41
        let other = SessionBinding(route: "r", issuer: "i", subject: "", client: "s")
        let isOpen =
            (try? SessionSeal.open(altered.span, for: binding, keys: keys)) != nil
            || (try? SessionSeal.open(sealed.span, for: other, keys: keys)) != nil
        guard !isOpen else { return "an altered or foreign id opens" }
        let query = Array(EndpointURI.reference(path: "", session: sealed).dropFirst())
        return EndpointURI.session(inQuery: query.span) == sealed ? nil : "a reference loses its session"
    }

    private static func brokenByQuery(_ input: Span<UInt8>) -> String? {
        guard let session = EndpointURI.session(inQuery: input) else { return nil }
        let again = Array(EndpointURI.reference(path: "", session: session).dropFirst())
        return again == [UInt8](copying: input) ? nil : "a query is read in two ways"
    }
}
