package dev.headwater.cli;

import dev.headwater.onnx.Inspection;
import dev.headwater.schema.Json;
import dev.headwater.tail.Tail;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description =
        "Prints the inputs and outputs of an ONNX model, its default cut ('cut: auto'), the"
            + " trainable layers, and what Headwater does not support in it and why.")
final class InspectCommand implements Callable<Integer> {
  @Parameters(paramLabel = "MODEL", description = "ONNX file to inspect.")
  private Path model;

  @Option(names = "--json", description = "Prints JSON instead of text.")
  private boolean json;

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  InspectCommand() {}

  @Override
  public Integer call() throws Exception {
    Inspection inspection = Inspection.read(model, Tail::obstacle);
    spec.commandLine()
        .getOut()
        .println(
            json
                ? Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(inspection)
                : inspection.render());
    return 0;
  }
}
