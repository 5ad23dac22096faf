#if Engines
import Foundation
import Swage
import SwageNative
import SwageRemote
import SwageWorkers

/// What the way to an engine costs: EngineBenchmarks MODEL ENGINE, with ENGINE one of native, served or titan. Like
/// SwageBenchmarks, reads one job a line and answers each with a line.
@main
enum EngineBenchmarks {
    struct Job: Decodable {
        /// How many times to ask for the status.
        var calls: Int?
        /// Token ids whose logits are wanted.
        var logits: [[Int32]]?
        /// Rows of token ids, one longer than what is trained on, for one step of cross entropy.
        var step: [[Int32]]?
    }

    struct Answer: Encodable {
        var seconds: Double
        var bytes: Int?
        var loss: Double?
    }

    static func main() async throws {
        let (model, engine) = (CommandLine.arguments[1], CommandLine.arguments[2])
        let trainer = try await start(engine, model)
        while let line = readLine() {
            let answer = try await run(try JSONDecoder().decode(Job.self, from: Data(line.utf8)), trainer)
            try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(answer) + Data("\n".utf8))
        }
    }

    private static func start(_ engine: String, _ model: String) async throws -> any Trainer {
        let optimizer = OptimizerOptions(learningRate: 1e-5, schedule: LearningRateSchedule(.constant))
        switch engine {
        case "native": return try await NativeTrainer(model: model, optimizer: optimizer)
        case "served":
            let server = try TrainerServer(
                try await NativeTrainer(model: model, optimizer: optimizer),
                at: .socket(shortTemporaryPath()))
            let (ready, signal) = AsyncStream.makeStream(of: TrainerAddress.self)
            Task { try await server.run { signal.yield($0) } }
            for await address in ready { return try await RemoteTrainer(at: address) }
            fatalError("the server ended")
        default:
            // As the benchmark's other side divides it.
            var options = TitanTrainer.Options()
            options.degrees.shard = 2
            options.threads = 1
            return try await TitanTrainer(model: model, optimizer: optimizer, options: options)
        }
    }

    private static func run(_ job: Job, _ trainer: any Trainer) async throws -> Answer {
        if let calls = job.calls {
            let time = try await ContinuousClock().measure { for _ in 0..<calls { _ = try await trainer.status() } }
            return Answer(seconds: time / .seconds(1) / Double(calls))
        }
        if let rows = job.logits {
            let inputs = ForwardInputs(inputIDs: try Tensor(rows: rows), outputs: [.logits])
            var count = 0
            let time = try await ContinuousClock().measure { count = try await trainer.forward(inputs).logits!.scalars.count }
            return Answer(seconds: time / .seconds(1), bytes: 4 * count)
        }
        let rows = job.step ?? []
        let batch = TextTrainBatch(
            inputIDs: try Tensor(rows: rows.map { Array($0.dropLast()) }),
            targetIDs: try Tensor(rows: rows.map { Array($0.dropFirst()) }))
        var loss = 0.0
        let time = try await ContinuousClock().measure {
            loss = try await trainer.forwardBackward(batch).loss
            _ = try await trainer.optimStep()
        }
        return Answer(seconds: time / .seconds(1), loss: loss)
    }
}
#else
@main
enum EngineBenchmarks {
    static func main() { print("This build has the native engine alone; `make engines` builds the others in.") }
}
#endif
