#if Engines
import ArgumentParser
import SwageWorkers

struct HostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host",
        abstract: "Lend this machine to a mesh of the engine titan.",
        discussion: """
            Run it on every machine, and give their addresses to the program that trains. Checkpoints and the model lie in \
            folders that all machines see. Whoever reaches the address can run code here, so that it belongs on a network \
            of its own.

              swage host tcp://node1:26600                                  # on node1, and the like on node2
              swage sft recipe.yaml --engine titan --data-parallel 16 --hosts tcp://node1:26600 tcp://node2:26600
            """)

    @Argument(help: "Where to listen, by a name that the other machines know: tcp://host:port.")
    var address: String

    func validate() throws {
        guard address.hasPrefix("tcp://"), address.split(separator: ":").count == 3 else {
            throw ValidationError("The address is \"\(address)\"; expected tcp://host:port.")
        }
    }

    func run() async throws {
        let host = try await MeshHost(at: address)
        writeToStandardError("ranks can be started at \(address)\n")
        try await host.wait()
    }
}
#endif
