package dev.headwater.cli;

import dev.headwater.onnx.Inspection;
import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Split;
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
    Inspection inspection = trainable(Inspection.read(model));
    spec.commandLine()
        .getOut()
        .println(
            json
                ? Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(inspection)
                : inspection.render());
    return 0;
  }

  /** Every deeper cut holds what is in the way of one that cannot be trained. */
  private Inspection trainable(Inspection inspection) throws OnnxException {
    if (inspection.layers().isEmpty()) {
      return inspection;
    }
    OnnxFile file = OnnxFile.read(model);
    Inspection told = inspection;
    for (Inspection.LayerInfo layer : inspection.layers()) {
      Split split;
      try {
        split = file.split(layer.cut());
      } catch (OnnxException refused) { // the reason is the answer; of this cut alone
        told = told.and("No cut at %s. %s".formatted(layer.cut(), refused.getMessage()));
        continue;
      }
      try {
        Tail.requireTrainable(split);
      } catch (OnnxException refused) { // likewise
        return told.and(
            "Nothing is trained at %s or deeper. %s".formatted(layer.cut(), refused.getMessage()));
      }
    }
    return told;
  }
}
