// The grammars of paths, scopes, audiences and origins.

internal import Bytes
internal import HTTP
internal import Transport

/// Grammars of texts that the configuration holds.
enum TextRules {
    /// Whether `text` is a path that has one reading: no query, dot segment, needless escape or trailing slash.
    static func isPath(_ text: String) -> Bool {
        let bytes = text.octets.span
        guard text == "/" || !text.utf8.reversed().starts(with: "/".utf8),
            let target = try? RequestTarget(ByteRange(0, bytes.count), in: bytes)
        else { return false }
        return target.path.count == bytes.count
    }

    /// Whether `text` is a `scope-token` (RFC 6749 §3.3).
    static func isScope(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
    }

    /// Whether `text` consists of visible ASCII characters, as every URI and every usual audience does.
    static func isVisible(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// Whether all of `text` can be seen: nothing that ends a line, turns it round or takes no room, and blanks only
    /// between other characters.
    static func isPrintable(_ text: String) -> Bool {
        let space: Unicode.Scalar = " "
        let scalars = text.unicodeScalars
        guard let first = scalars.first, first != space, scalars.last != space else { return false }
        return scalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned: false
            case .spaceSeparator, .lineSeparator, .paragraphSeparator: scalar == space
            default: !scalar.properties.isDefaultIgnorableCodePoint
            }
        }
    }

    /// Whether `text` is an absolute URI and not just a word.
    static func isFullURI(_ text: String) -> Bool {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), isScheme(text.utf8[..<colon]) else {
            return false
        }
        let rest = text.utf8[text.utf8.index(after: colon)...]
        return rest.starts(with: "//".utf8) || text.utf8.starts(with: "urn:".utf8)
    }

    /// Whether `text` is a serialised origin (RFC 6454 §6.2): lower case, no default port, no path.
    static func isOrigin(_ text: String) -> Bool {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let scheme = text.utf8[..<colon]
        let rest = text.utf8[colon...]
        guard isScheme(scheme), rest.starts(with: "://".utf8), text == text.lowercased() else { return false }
        let authority = String(Substring(rest.dropFirst(3)))
        return Authority.isValid(authority.octets.span)
            && !(scheme.elementsEqual("https".utf8) && hasPort("443", authority))
            && !(scheme.elementsEqual("http".utf8) && hasPort("80", authority))
    }

    /// Whether `authority` names `port`.
    static func hasPort(_ port: String, _ authority: String) -> Bool {
        let host = Authority.hostEnd(of: authority.octets.span)
        return authority.utf8.dropFirst(host).elementsEqual((":" + port).utf8)
    }

    /// Whether `path` is `prefix` or lies below it.
    static func isPath(_ path: String, atOrBelow prefix: String) -> Bool {
        guard path.utf8.starts(with: prefix.utf8) else { return false }
        return path.utf8.count == prefix.utf8.count
            || path.utf8.dropFirst(prefix.utf8.count).first == UInt8(ascii: "/")
    }

    /// Whether `text` is the name of a host (RFC 1123 §2.1) and no address: labels of letters, digits and hyphens.
    static func isHostName(_ text: String) -> Bool {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, let last = labels.last, !last.allSatisfy({ ASCII.isDigit($0) }) else {
            return false
        }
        return labels.allSatisfy { label in
            !label.isEmpty && label.count <= 63 && label.first != UInt8(ascii: "-")
                && label.last != UInt8(ascii: "-")
                && label.allSatisfy { isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isScheme(_ scheme: Substring.UTF8View) -> Bool {
        guard let first = scheme.first, isLetter(first) else { return false }
        return scheme.allSatisfy { isLetter($0) || ASCII.isDigit($0) || "+-.".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        let lower = ASCII.lowercased(byte)
        return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
    }
}

extension Node {
    /// A path that requests can have.
    func path() -> String? {
        guard let path = string("a path such as \"/healthz\"") else { return nil }
        guard TextRules.isPath(path) else {
            error(
                "\"\(path)\" is not a canonical path.",
                "Begin with a slash, and leave out query, dot segments, needless escapes and a slash at the end."
            )
            return nil
        }
        return path
    }

    /// The name of a host, in lower case.
    func hostName() -> String? {
        guard let name = string("the name of a host") else { return nil }
        guard TextRules.isHostName(name) else {
            error(
                "\"\(name)\" is not the name of a host.",
                "Write a name such as \"files.internal\", without scheme, port and wildcard."
            )
            return nil
        }
        return name.lowercased()
    }

    /// The networks whose connections begin with a header of the PROXY protocol.
    func networks() -> [String]? {
        let what = "a list of networks such as [\"10.0.0.0/8\", \"::1/128\"]"
        guard let elements = nonEmptyElements(what, because: "Name a network, or remove the list.") else {
            return nil
        }
        let networks = Node.distinct(elements).filter { text in
            guard let network = Network(text.value) else {
                text.node.error(
                    "\"\(text.value)\" is not a network.",
                    "Write an address, or a network such as \"10.0.0.0/8\" with zeros behind its prefix."
                )
                return false
            }
            if network.prefixLength == 0 {
                text.node.warning(
                    "This network is everybody: whoever connects can claim any address for itself.",
                    "Name the networks of the load balancers alone."
                )
            }
            return true
        }
        return networks.count == elements.count ? networks.map(\.value) : nil
    }

    /// The address of a listening socket.
    func socketAddress() -> SocketAddress? {
        guard let text = string("an address such as \"127.0.0.1:8080\"") else { return nil }
        guard TextRules.isVisible(text), let address = SocketAddress(text) else {
            error(
                "\"\(text)\" is not an address.",
                "Write \"address:port\", \"[v6]:port\" or \"unix:/path\"."
            )
            return nil
        }
        switch address.kind {
        case .ipv6 where !text.hasPrefix("["):
            error("An IPv6 address needs brackets.", "Write \"\(address)\".")
            return nil
        case .ipv4(_, port: 0), .ipv6(_, port: 0, scope: _):
            error("Port 0 is not a port.", "Choose a port from 1 to 65535.")
            return nil
        default: return address
        }
    }

    /// A list of audiences; wildcards and what is no audience are reported and left out.
    func audiences() -> [Located<String>] {
        (distinctStrings("a list of audiences") ?? []).filter { audience in
            guard !audience.value.utf8.contains(UInt8(ascii: "*")) else {
                audience.node.error(
                    "An audience holds a wildcard.",
                    "Write each audience in full: they are compared byte for byte."
                )
                return false
            }
            guard TextRules.isVisible(audience.value) else {
                audience.node.error(
                    "This is not an audience.",
                    "Write visible ASCII characters only, as in a URI."
                )
                return false
            }
            return true
        }
    }

    /// A list of scopes; what is no scope that a resource can ask for is reported and left out.
    func scopes() -> [Located<String>] {
        (distinctStrings("a list of scopes") ?? []).filter { $0.node.isResourceScope($0.value) }
    }

    /// Whether `scope` is one that a resource can ask for; reports it otherwise.
    func isResourceScope(_ scope: String) -> Bool {
        guard TextRules.isScope(scope) else {
            error(
                "\"\(scope)\" is not a scope.",
                "Write one scope in each string, of visible ASCII characters without quotes and backslashes."
            )
            return false
        }
        guard scope != "offline_access" else {
            error(
                "offline_access is not a scope of a resource.",
                "Remove it: clients ask the authorization server for it by themselves."
            )
            return false
        }
        return true
    }
}
