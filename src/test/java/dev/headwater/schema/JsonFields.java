package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The components of a record as Jackson writes them. */
public final class JsonFields {
  private JsonFields() {}

  /** What is unwrapped is not there, but what it is made of. */
  public static Stream<RecordComponent> of(Class<?> type) {
    return Arrays.stream(type.getRecordComponents())
        .flatMap(
            component ->
                component.getAccessor().isAnnotationPresent(JsonUnwrapped.class)
                    ? of(component.getType())
                    : Stream.of(component));
  }

  public static boolean mayBeAbsent(RecordComponent component) {
    return component.getAnnotatedType().isAnnotationPresent(Nullable.class);
  }
}
