// Secrets: named by a file or an environment variable, and never written into a configuration.

internal import JSON

/// Members of a secret.
enum SecretMember: String, MemberName {
    case file
    case variable = "env"

    static let object = "a secret"
}

/// Where a secret is.
enum SecretSource: Hashable {
    /// In the file at this path.
    case file(String)
    /// In the environment variable with this name.
    case variable(String)
}

/// Why a secret cannot be had. The secret itself is not in it.
struct SecretProblem: Error {
    let problem: String
    let remedy: String
}

extension ConfigurationSurroundings {
    /// What the file or the variable holds.
    func octets(of source: SecretSource) throws(SecretProblem) -> [UInt8] {
        switch source {
        case .file(let path):
            return try read(path)
                .mapError { SecretProblem(problem: $0.sentence, remedy: "Name a file that can be read.") }
                .get()
        case .variable(let name):
            guard let value = variable(name) else {
                throw SecretProblem(
                    problem: "The environment variable \"\(name)\" is not set.",
                    remedy: "Set it for the gateway, or name a file."
                )
            }
            return Array(value.utf8)
        }
    }

    /// The same without a line end behind it: editors and `openssl` write one, which is not part of the secret.
    func line(of source: SecretSource) throws(SecretProblem) -> [UInt8] {
        let text = try octets(of: source)
        guard text.last == UInt8(ascii: "\n") else { return text }
        let line = text.dropLast()
        return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
}

extension Node {
    /// The place of a secret; a secret that stands here itself is refused, and not repeated in the message.
    func secret() -> SecretSource? {
        guard value.string == nil else {
            error(
                "A secret may not stand in the configuration, which is copied, shared and checked in.",
                "Put it into a file or an environment variable, and write {\"file\": …} or {\"env\": …}."
            )
            return nil
        }
        guard value.object != nil else {
            expected("{\"file\": …} or {\"env\": …}")
            return nil
        }
        guard let members = ObjectReader(self, of: SecretMember.self) else { return nil }
        switch (members[.file], members[.variable]) {
        case (let file?, nil): return file.filePath().map { .file($0) }
        case (nil, let variable?): return variable.variableName().map { .variable($0) }
        default:
            error("A secret is either in a \"file\" or in \"env\".", "Name exactly one of them.")
            return nil
        }
    }

    private func variableName() -> String? {
        guard let name = string("the name of an environment variable") else { return nil }
        guard TextRules.isVisible(name), !name.utf8.contains(UInt8(ascii: "=")) else {
            error(
                "This is not the name of an environment variable.",
                "Write a name such as \"GATEWAY_KEY\", without \"$\"."
            )
            return nil
        }
        return name
    }
}
