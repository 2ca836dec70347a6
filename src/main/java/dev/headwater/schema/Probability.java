package dev.headwater.schema;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;

/**
 * Writes a probability with the digits that tell its float from the next. Networks say no more, and
 * what a double has beyond them was a ninth of a prediction's bytes.
 */
final class Probability extends StdSerializer<Double> {
  Probability() {
    super(Double.class);
  }

  @Override
  public void serialize(Double value, JsonGenerator json, SerializerProvider provider)
      throws IOException {
    json.writeNumber(value.floatValue());
  }
}
