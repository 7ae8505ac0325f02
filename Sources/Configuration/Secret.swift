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
