/** The topology: read-ahead, scoring, routing, dead letters. The only room that knows Streams. */
@NullMarked
package dev.headwater.stream;

import org.jspecify.annotations.NullMarked;
