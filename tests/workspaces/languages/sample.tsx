import React, { useState } from 'react';

interface Props {
  title: string;
  onClose?: () => void;
}

export const Dialog: React.FC<Props> = ({ title, onClose }) => {
  const [open, setOpen] = useState(true);

  const handleClose = () => {
    setOpen(false);
    onClose?.();
  };

  return open ? <div onClick={handleClose}>{title}</div> : null;
};

export function List({ items }: { items: string[] }) {
  return (
    <ul>
      {items.map((item) => (
        <li key={item}>{item}</li>
      ))}
    </ul>
  );
}

class Boundary extends React.Component<Props> {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  render() {
    return this.state.failed ? <p>failed</p> : this.props.children;
  }
}
