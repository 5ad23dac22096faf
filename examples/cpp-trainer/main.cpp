#include <iostream>
#include "service.hpp"

const char* usage =
    "trainer MODEL_FOLDER ADDRESS CHECKPOINT_FOLDER [--learning-rate 1e-3] [--weight-decay 0] [--max-gradient-norm 1]\n"
    "trainer --vectors docs/loss-vectors.jsonl\n";

int main(int count, char** values) try {
    const std::vector<std::string> arguments(values + 1, values + count);
    if (arguments.size() == 2 && arguments[0] == "--vectors") return loss::runVectors(arguments[1]) > 0;
    const fs::path model = arguments.at(0), checkpoints = arguments.at(2);
    const Json config = Json::parse(readFile(model / "config.json"));
    Trainer trainer(Bigram(config.at("vocab_size"), config.at("hidden_size")));
    const std::map<std::string, double*> options{{"--learning-rate", &trainer.learningRate},
        {"--weight-decay", &trainer.weightDecay}, {"--max-gradient-norm", &trainer.maxGradientNorm}};
    for (size_t i = 3; i < arguments.size(); i += 2) *options.at(arguments[i]) = std::stod(arguments.at(i + 1));

    Service service(trainer, Checkpoints(model, checkpoints, trainer));
    grpc::ServerBuilder builder;
    builder.AddListeningPort(arguments[1], grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(1 << 28);
    builder.RegisterService(&service);
    const auto server = builder.BuildAndStart();
    if (!server) throw std::runtime_error("nothing can be served at " + arguments[1]);
    std::cout << "serving at " << arguments[1] << std::endl;
    server->Wait();
} catch (const std::exception& error) {
    std::cerr << error.what() << "\n\n" << usage;
    return 1;
}
