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
        "Says of any ONNX file what goes in and out, where 'cut: auto' would cut it, what would be"
            + " trained, and what Headwater cannot do with it and why.")
final class InspectCommand implements Callable<Integer> {
  @Parameters(paramLabel = "MODEL", description = "An ONNX file.")
  private Path model;

  @Option(names = "--json", description = "The same as JSON.")
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
