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
            SIGTERM and SIGINT drain and exit, a second one exits at once. SIGHUP loads the configuration anew, with \
            "watch": true a change of its files does so as well. SIGUSR1 reopens log files. SIGUSR2 starts the program \
            anew, as its file is now, and hands over to it.
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
            GatewayRun.makeLogger(LogLevel(.error)).critical("\(error.sentence)")
            throw ExitCode(2)
        }
        let files = ReadFiles()
        let key = inheritance.sessionKey
        let configuration = try options.load(sessionKey: key, noting: files)
        let path = options.config
        let origin = ConfigurationOrigin(files: files) { (legacy, files) throws(ConfigurationError) in
            try ConfigurationLoader.load(path: path, sessionKey: key, inheriting: legacy, noting: files)
        }
        try GatewayRun.run(configuration, from: origin, inheritance: inheritance, pidFile: pidFile) {
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
        from origin: ConfigurationOrigin,
        inheritance: Inheritance = Inheritance(),
        pidFile: String? = nil,
        onStart: () -> Void = {}
    ) throws {
        StandardDescriptors.open()
        let level = LogLevel(configuration.log.level.loggerLevel)
        let logger = makeLogger(level)
        do {
            let gateway = try Gateway(
                configuration,
                inheritance: inheritance,
                pidFile: pidFile,
                logger: logger,
                level: level
            )
            let setup = try startDevelopment(configuration)
            try gateway.start()
            onStart()
            gateway.run(from: origin)
            setup?.stop()
        } catch let error as StartError {
            logger.critical("\(error.sentence)")
            throw ExitCode(2)
        } catch let error as DevelopmentError {
            logger.critical("\(error.sentence)")
            throw ExitCode(2)
        }
    }

    static func makeLogger(_ level: LogLevel) -> Logger {
        Logger(label: "audgate") { _ in JSONLogHandler(level: level) }
    }
}
