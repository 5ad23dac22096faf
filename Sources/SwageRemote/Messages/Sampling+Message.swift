#if Engines
import Swage
import SwiftProtobuf

extension Swage_V1_GenerateRequest {
    init(
        _ prompts: [[Int32]], options: SamplingOptions, streamsTokens: Bool, id: String
    ) {
        self.init()
        requestID = id
        self.prompts = prompts.enumerated().map { index, tokens in
            .with {
                $0.tokens = tokens
                $0.stream = options.stream(of: index)
            }
        }
        maxTokens = Int64(options.maxTokens)
        temperature = options.temperature
        if let topK = options.topK { self.topK = Int64(topK) }
        topP = options.topP
        seed = options.seed
        stopStrings = options.stopStrings
        concurrency = Int64(options.concurrency)
        self.streamsTokens = streamsTokens
        endOfSequenceIds = options.endOfSequenceIDs
        firstTokens = options.firstTokens ?? []
    }

    var options: SamplingOptions {
        SamplingOptions(
            maxTokens: Int(clamping: maxTokens), temperature: temperature, topK: hasTopK ? Int(clamping: topK) : nil,
            topP: topP, seed: seed, streams: prompts.map(\.stream), stopStrings: stopStrings,
            concurrency: Int(clamping: concurrency), endOfSequenceIDs: endOfSequenceIds,
            firstTokens: firstTokens.isEmpty ? nil : firstTokens)
    }
}

extension Swage_V1_GenerateEvent.Completion {
    init(_ completion: Completion, prompt: Int) {
        self.init()
        self.prompt = Int64(prompt)
        tokens = completion.tokens
        logProbs = completion.logProbs
        finishReason = completion.finishReason.rawValue
        weightsVersion = Int64(completion.weightsVersion)
    }

    var completion: Completion {
        get throws {
            guard let reason = Completion.FinishReason(rawValue: finishReason), tokens.count == logProbs.count else {
                throw TrainerError(
                    .engineFailed, "a completion of \(tokens.count) tokens ended by \"\(finishReason)\" with \(logProbs.count) log-probabilities",
                    expected: "a known reason, and one log-probability a token")
            }
            return Completion(
                tokens: tokens, logProbs: logProbs, finishReason: reason, weightsVersion: Int(clamping: weightsVersion))
        }
    }
}
#endif
