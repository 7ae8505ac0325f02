// `audgate serve`: runs the gateway until a signal ends it.

internal import ArgumentParser
internal import Configuration
internal import Development
internal import Glibc
internal import Logging
internal import Server

/// Runs the gateway.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the gateway (the default command).",
        discussion: """
            SIGTERM and SIGINT drain and exit, a second one exits at once. SIGHUP takes certificates anew. SIGUSR1 \
            reopens log files. SIGUSR2 starts the program anew, as its file is now, and hands over to it.
            The access log goes to standard output, messages go to standard error, both as JSON lines. With a \
            "development" member, commands to try are printed to standard error first.

            Example:
              audgate serve --config /etc/audgate/gateway.json

            Exit codes: 0 ended by a signal or replaced, 1 the configuration has problems, which are listed on standard error, \
            2 the gateway could not start, 64 wrong usage.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(name: .long, help: "A file that tells the process id while the gateway serves.")
    var pidFile: String?

    func run() throws {
        // First of all, while nothing else has the numbers of the descriptors that were passed.
        let inheritance: Inheritance
        do {
            inheritance = try Inheritance.receive()
        } catch {
            GatewayRun.makeLogger(.error).critical("\(error.sentence)")
            throw ExitCode(2)
        }
        let configuration = try options.load(sessionKey: inheritance.sessionKey)
        let path = options.config
        try GatewayRun.run(
            configuration,
            inheritance: inheritance,
            pidFile: pidFile,
            reloadingWith: { () throws(ConfigurationError) in
                try ConfigurationLoader.load(path: path, sessionKey: inheritance.sessionKey)
            }
        ) {
            guard configuration.development != nil else { return }
            let source = "--config " + Shell.absolute(options.config)
            Terminal.error(Walkthrough(configuration, source: source).text)
        }
    }
}

/// Runs a checked configuration, with the development servers if it has them.
enum GatewayRun {
    static func run(
        _ configuration: GatewayConfiguration,
        inheritance: Inheritance = Inheritance(),
        pidFile: String? = nil,
        reloadingWith reload: () throws(ConfigurationError) -> GatewayConfiguration,
        onStart: () -> Void = {}
    ) throws {
        let logger = makeLogger(configuration.log.level)
        for warning in configuration.warnings {
            logger.warning(
                "Configuration: \(warning.problem) \(warning.remedy)",
                metadata: ["at": "\(warning.file):\(warning.line):\(warning.column)"]
            )
        }
        do {
            let gateway = try Gateway(
                configuration,
                inheritance: inheritance,
                pidFile: pidFile,
                logger: logger
            )
            let setup = try startDevelopment(configuration)
            try gateway.start()
            onStart()
            gateway.run(reloadingWith: reload)
            setup?.stop()
        } catch let error as StartError {
            logger.critical("\(error.sentence)")
            throw ExitCode(2)
        } catch let error as DevelopmentError {
            logger.critical("\(error.sentence)")
            throw ExitCode(2)
        }
    }

    static func makeLogger(_ level: LogSettings.Level) -> Logger {
        let level = Logger.Level(rawValue: level.rawValue) ?? .info
        return Logger(label: "audgate") { _ in JSONLogHandler(level: level) }
    }
}
