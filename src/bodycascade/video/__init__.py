"""Videos and cameras: frames in, each segmented and repainted, out again with sound and times as they were.

pyav          the library that reads and writes video, or the line that tells how to install it
reading       a video's upright frames and its audio packets, as far as they can be decoded
upright       display matrices: how a stored frame is turned into the one that is shown
writing       a video file, whole or not at all
sound         audio tracks, copied or, where the file cannot hold them, encoded again
streaming     frames through a segmenter, decoded ahead, never many in memory
matting       soft edges that do not flicker
effects       what becomes of a frame: overlay, classes, matte, background blurred or replaced
conversion    one video into another
live          the newest frame of a camera, and where it goes
window        a window on the screen
"""
