// Configurations in real files: included files, relative paths, and files that cannot be read.

import Configuration
import Glibc
import Policy
import Testing

/// A folder that goes when the test ends.
private final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/audgate-configuration-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw ConfigurationFileError(path: "/tmp", reason: "mkdtemp")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        unsafe mkdir(path + "/routes.d", 0o700)
    }

    deinit {
        for pattern in ["/routes.d/*", "/*"] {
            var matches = unsafe glob_t()
            if unsafe glob(path + pattern, 0, nil, &matches) == 0 {
                for index in unsafe 0..<Int(matches.gl_pathc) {
                    if let file = unsafe matches.gl_pathv[index] { unsafe remove(file) }
                }
            }
            unsafe globfree(&matches)
        }
        unsafe remove(path)
    }

    func write(_ name: String, _ text: String) {
        guard let file = unsafe fopen("\(path)/\(name)", "w") else { return }
        unsafe fputs(text, file)
        unsafe fclose(file)
    }
}

@Suite struct FileTests {
    private func problems(_ path: String) -> [String] {
        do throws(ConfigurationError) {
            return try ConfigurationLoader.load(path: path).warnings.map(\.text)
        } catch {
            return error.diagnostics.map(\.text)
        }
    }

    private func route(_ resource: String, issuer: String = "corp") -> String {
        #"{ "resource": "\#(resource)", "issuer": "\#(issuer)", "upstream": "http://10.0.0.1/" }"#
    }

    @Test func `puts included routes and issuers beside those of the root`() throws {
        let folder = try Folder()
        folder.write("gateway.json", Sample.root(#""include": ["routes.d/*.json", "routes.d/b.json"]"#))
        folder.write("routes.d/b.json", "{ \"routes\": [\(route("https://b/b", issuer: "partner"))] }")
        folder.write(
            "routes.d/a.json",
            """
            { "routes": [\(route("https://a/a"))],
              "issuers": { "partner": { "issuer": "https://p", "keys": { "file": "p.json" }, "max_token_lifetime": "1m" } } }
            """
        )
        let snapshot = try ConfigurationLoader.load(path: folder.path + "/gateway.json").snapshot
        #expect(
            snapshot.routes.map(\.resource.text) == [
                "https://mcp.example.com/files", "https://a/a", "https://b/b",
            ]
        )
        #expect(snapshot.issuers.map(\.name) == ["corp", "partner"])
        #expect(
            snapshot.issuers.map(\.keySource) == [
                .file(folder.path + "/keys.json"), .file(folder.path + "/routes.d/p.json"),
            ]
        )
        #expect(snapshot.routes.map(\.issuers) == [[IssuerID(0)], [IssuerID(0)], [IssuerID(1)]])
    }

    @Test func `refuses a folder that cannot be read, as it may hold everything`() throws {
        let folder = try Folder()
        unsafe symlink("loop", folder.path + "/loop")
        folder.write("gateway.json", Sample.root(#""include": ["loop/*.json"]"#))
        let found = problems(folder.path + "/gateway.json")
        #expect(found.count == 1)
        #expect(found.first?.contains("its folder cannot be searched") == true)
    }

    @Test func `holds the rules over the whole set, and names the file`() throws {
        let folder = try Folder()
        folder.write("gateway.json", Sample.root(#""include": ["routes.d/*.json"]"#))
        folder.write(
            "routes.d/a.json",
            "{ \"issuers\": \(Sample.corp),\n\"routes\": [\(route("https://mcp.example.com/Files"))], \"limits\": {} }"
        )
        folder.write("routes.d/b.json", "{ \"routes\": [,] }")
        let found = problems(folder.path + "/gateway.json")
        let included = folder.path + "/routes.d/"
        let root = folder.path + "/gateway.json"
        try #require(found.count == 5)
        #expect(
            found[0].hasPrefix(
                "\(included)a.json:1:16: /issuers/corp: The name \"corp\" is taken by the issuer at \(root):3."
            )
        )
        #expect(found[1].hasPrefix("\(included)a.json:1:36: /issuers/corp/issuer: The issuer at \(root):3"))
        #expect(found[2].hasPrefix("\(included)a.json:2:26: /routes/0/resource: The resource differs from"))
        #expect(found[2].contains("at \(root):4 only by"))
        #expect(
            found[3].contains(
                "a.json:2:112: /limits: \"limits\" is unknown here. Members of an included file: \"issuers\", \"routes\"."
            )
        )
        #expect(found[4].hasPrefix("\(included)b.json:1:14: /routes/0: This character cannot stand here."))
    }

    @Test func `reads certificates beside the included file that names them, and keys from the environment`()
        throws
    {
        let folder = try Folder()
        let endpoint = #""endpoints": ["https://a"]"#
        let certificate = #""certificate": "client.pem", "key": { "env": "AUDGATE_TEST_KEY" }"#
        folder.write("gateway.json", Sample.root(#""include": ["routes.d/*.json"]"#))
        folder.write(
            "routes.d/a.json",
            """
            { "routes": [ { "resource": "https://a/a", "issuer": "corp",
              "upstream": { \(endpoint), "tls": { "ca": "ca.pem", "certificate": { \(certificate) } } } } ] }
            """
        )
        folder.write("routes.d/ca.pem", Certificates.authority)
        folder.write("routes.d/client.pem", Certificates.client)
        let root = folder.path + "/gateway.json"
        #expect(problems(root).count == 1)
        #expect(problems(root).first?.contains("\"AUDGATE_TEST_KEY\" is not set") == true)
        unsafe setenv("AUDGATE_TEST_KEY", Certificates.clientKey, 1)
        defer { unsafe unsetenv("AUDGATE_TEST_KEY") }
        #expect(problems(root) == [])
        folder.write("routes.d/ca.pem", "")
        #expect(problems(root).first?.hasPrefix("\(folder.path)/routes.d/a.json:2:") == true)
    }

    @Test func `loads routes from included files alone`() throws {
        let folder = try Folder()
        folder.write(
            "gateway.json",
            "{ \"listeners\": [\(Sample.listener)], \"issuers\": \(Sample.corp), \"include\": [\"routes.d/a.json\"] }"
        )
        folder.write("routes.d/a.json", "{ \"routes\": [\(route("https://a/a"))] }")
        #expect(problems(folder.path + "/gateway.json") == [])
        folder.write("routes.d/a.json", "{ \"routes\": [] }")
        #expect(problems(folder.path + "/gateway.json").first?.contains("There is no route.") == true)
    }

    @Test func `reports files that cannot be read`() throws {
        let folder = try Folder()
        let missing = problems(folder.path + "/gateway.json")
        #expect(
            missing == [
                "\(folder.path)/gateway.json:1:1: /: \"\(folder.path)/gateway.json\" cannot be read: "
                    + "No such file or directory. Name a file that can be read."
            ]
        )
        folder.write("gateway.json", Sample.root(#""include": ["routes.d"]"#))
        #expect(problems(folder.path + "/gateway.json").first?.contains("/include/0: ") == true)
        #expect(problems(folder.path).first?.contains("not a regular file") == true)
        #expect(problems("").count == 1)
        #expect(problems("/tmp/\0").count == 1)
    }

    @Test func `refuses a file of more than 16 MiB`() throws {
        let folder = try Folder()
        folder.write("gateway.json", Sample.file() + String(repeating: " ", count: 16 << 20))
        #expect(problems(folder.path + "/gateway.json").first?.contains("larger than 16 MiB") == true)
    }
}
